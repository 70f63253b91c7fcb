"""Two nodes on this machine, pictures, and a small network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedlens import ImageSet, get_backbone
from embedlens import embed as embed_here
from embedlens.backbones import Backbone

# With one processor a node, what is left after a loss has none to spare.
NODE = {"num_cpus": 2, "object_store_memory": 80_000_000}


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What nodes take over when they start: a cache, and the address of an S3 server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLENS_CACHE", str(tmp_path_factory.mktemp("cache")))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("RAY_health_check_period_ms", "500")
        yield


@pytest.fixture(scope="session")
def s3(environment: None) -> Iterator[Any]:
    """A client of an S3 server with the bucket "pictures"; None where moto is not installed."""
    try:
        import boto3
        import flask_cors  # noqa: F401
        from moto.server import ThreadedMotoServer
    except ImportError:
        yield None
        return
    running = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="pictures")
        yield client
    running.stop()


@pytest.fixture(scope="session")
def cluster(s3: Any) -> Iterator[Any]:
    """A cluster of two nodes, to which this process is connected."""
    pytest.importorskip("ray", reason="needs the extra cluster")
    from embedlens.cluster.connection import connected

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        running = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        running.add_node(**NODE)
        with connected(running.address):
            yield running
        running.shutdown()


@pytest.fixture(scope="session")
def backbone(
    save_onnx: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory, environment: None
) -> Backbone:
    """A network of five features that takes microseconds."""
    file = save_onnx(tmp_path_factory.mktemp("network") / "small.onnx")
    return get_backbone(str(file), transform="32 squash bilinear none")


def draw(path: Path, number: int) -> None:
    blocks = np.random.default_rng(number).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(blocks).resize((40, 30)).save(path)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 pictures in two classes; one is broken, two are deep and of different ranges."""
    root = tmp_path_factory.mktemp("set") / "photos"
    for number in range(197):
        draw(root / ("cat", "dog")[number % 2] / f"{number:03}.png", number)
    (root / "cat" / "broken.jpg").write_bytes(b"no picture")
    for white in (900, 3000):
        values = np.random.default_rng(white).integers(0, white, (30, 40)).astype(np.uint16)
        Image.fromarray(values).save(root / "dog" / f"deep{white}.png")
    return root


@pytest.fixture(scope="session")
def whole(
    photos: Path, backbone: Backbone, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """The features and ids that one machine writes of them."""
    store = tmp_path_factory.mktemp("one") / "features"
    embed_here(ImageSet.read(photos), backbone, store=store)
    return {name: (store / name).read_bytes() for name in ("features.npy", "ids.txt")}
