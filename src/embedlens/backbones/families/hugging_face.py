"""Networks of Hugging Face's transformers: ``hf:ORGANISATION/NAME`` or ``hf:FOLDER``."""

from __future__ import annotations

import inspect
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.torch_family import TorchFamily, in_blocks, warn_of_no_text
from embedlens.backbones.hub_file import HubFile
from embedlens.backbones.pooling import Pooling, vector_of
from embedlens.backbones.transform import Transform
from embedlens.backbones.transform_file import read_transform
from embedlens.backbones.tuned_weights import tuned_transform, write_tuned
from embedlens.backbones.weights import RANDOM_SEED, Weights, chosen_weights
from embedlens.errors import BackboneError, WeightsError
from embedlens.files import content_key, write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embedlens.backbones.torch_network import TorchNetwork

PREFIX = "hf:"

Taken = Literal["pooler", "tokens", "patches"]
"""What the vector is made of: a trained pooler's output if there is one, the class token or else
the average of all, the average of the patches."""

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_TOKENIZER = (
    "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json", "vocab.json",
    "merges.txt", "spiece.model",
)  # fmt: skip
_VOCABULARIES = ("tokenizer.json", "vocab.json", "spiece.model")
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


class HuggingFace(TorchFamily):
    """What ``AutoModel`` builds: a trained pooler's output, else the class token or the average."""

    name = "hf"
    prefix = PREFIX
    packages = ("torch", "transformers")
    requires = ("torch", "transformers")
    extra = "hf"

    def networks(self) -> Sequence[str]:
        """Name none: the hub has hundreds of thousands."""
        return []

    def find(self, text: str) -> str | None:
        """Return the name: a repository's, or a folder's."""
        if not text.lower().startswith(PREFIX):
            return None
        name = text[len(PREFIX) :]
        if not name or ("@" in name and not Path(name).is_dir()):
            return None
        return PREFIX + name

    def path(self, network: str) -> Path | None:
        """Return the folder, where there is one or the name can be no repository's."""
        name = network.removeprefix(PREFIX)
        separated = name.replace(os.sep, "/")
        local = separated.startswith((".", "/", "~")) or separated.count("/") != 1
        return Path(name) if local or Path(name).is_dir() else None

    def anchored(self, network: str, path: Path) -> str:
        """Return a local network's name with another path."""
        return f"{PREFIX}{path}"

    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a network by its configuration, which is fetched if it is not here."""
        folder = self.path(network)
        configuration = _stated(network, folder, ("config.json",))
        if "model_type" not in configuration:
            raise BackboneError(
                f"{network} is no network of transformers: its config.json names no model_type. "
                "One of timm is spelt timm:NAME, one of OpenCLIP open_clip:ARCH/TAG."
            )
        digest = content_key([configuration])
        chosen = chosen_weights(network, weights, _published(network, folder, digest))
        if chosen.kind != "imagenet":
            chosen = Weights(chosen.kind, chosen.given, configuration=digest)
        published, unread = Transform(), None
        try:
            published = _published_transform(network, folder)
        except BackboneError as error:  # the user's own transform does without the file
            unread = str(error)
        fed = tuned_transform(chosen, published)
        described = Backbone(
            f"{network}@{layer}" if layer else network, network, self, layer, chosen, fed
        )
        if unread is None or fed is not published:
            return described
        return replace(described, transform_from=None, unread=unread)

    def imagenet_top(
        self, backbone: Backbone
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]] | None:
        """Return kernel and bias of a classifier of ImageNet's classes, where there is one.

        Some heads take another vector than that which counts here: of a picture both are looked at,
        and a head that takes another is none.
        """
        stated = _stated(backbone.network, self.path(backbone.network), ("config.json",))
        kinds, labels = stated.get("architectures") or [""], stated.get("id2label") or {}
        first = str(labels.get("0", "")).lower()
        if not kinds[0].endswith("ForImageClassification") or not backbone.weights.here:
            return None
        size = backbone.transform.size
        if len(labels) != 1000 or not first.startswith("tench") or size is None:
            return None
        import torch
        import transformers

        folder = _folder(backbone)
        whole = transformers.AutoModelForImageClassification.from_pretrained(
            folder, trust_remote_code=False, dtype=torch.float32, weights_only=True
        ).eval()
        head = [each for each in whole.modules() if isinstance(each, torch.nn.Linear)][-1]
        network, taken = self.network(backbone, size), []
        head.register_forward_pre_hook(lambda _, given: taken.append(given[0]))
        picture = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            whole(pixel_values=picture)
            own = network.vector(network.module, picture)
        if head.out_features != 1000 or not taken or taken[-1].shape != own.shape:
            return None
        if not torch.allclose(taken[-1], own, rtol=1e-3, atol=1e-4 * float(own.abs().max())):
            return None
        kernel, bias = (each.detach().double().numpy() for each in (head.weight, head.bias))
        return kernel.T, bias

    def text_vectors(self, backbone: Backbone, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Return what the text half makes of texts, filled up to its longest as in training."""
        import transformers

        module, _ = load_model(backbone)
        if not hasattr(module, "get_text_features"):
            return None
        try:
            tokens = transformers.AutoTokenizer.from_pretrained(
                _tokenizer(backbone), trust_remote_code=False
            )
        except Exception as error:  # it is not here, or needs a package that is not
            warn_of_no_text(backbone, error)
            return None
        # Some networks count their positions from 2, so that not all are for texts.
        longest = min(
            module.config.get_text_config().max_position_embeddings, tokens.model_max_length
        )

        def vectors(block: Sequence[str]) -> Any:
            given = tokens(
                list(block), padding="max_length", truncation=True, max_length=longest,
                return_tensors="pt",
            )  # fmt: skip
            out = module.get_text_features(**given)
            return out if hasattr(out, "shape") else out.pooler_output

        return in_blocks(vectors, texts)

    def save(self, backbone: Backbone, module: Any, transform: Transform, folder: Path) -> None:
        """Write weights and configuration, and the image processor's as it was."""
        write_tuned(module, transform, folder / _WEIGHTS[0])
        stated = _stated(backbone.network, self.path(backbone.network), ("config.json",))
        if _is_classifier_of_image_half(stated):
            write_json(folder / "config.json", stated)
        else:
            module.config.save_pretrained(folder)
        with suppress(BackboneError):  # the weights tell the transform as well
            processor = _file(backbone.network, self.path(backbone.network), _PROCESSORS)
            shutil.copyfile(processor, folder / processor.name)

    def network(self, backbone: Backbone, size: tuple[int, int]) -> TorchNetwork:
        """Build it with transformers, none of the repository's own code run."""
        from embedlens.backbones.torch_network import TorchNetwork

        module, taken = load_model(backbone)
        image = _image_half(module)
        options = _of_another_size(image, size)
        class_tokens = _class_tokens(image)
        prefix = class_tokens + int(getattr(image.config, "num_register_tokens", 0) or 0)
        projected = hasattr(module, "get_image_features")

        def vector(module: Any, x: Any) -> Any:
            if projected:
                out = module.get_image_features(pixel_values=x, **options)
                return out if hasattr(out, "shape") else out.pooler_output
            out = module(pixel_values=x, **options)
            if (given := _given_vector(out, taken)) is not None:
                return given[0]
            values = _tokens(out, image.config, backbone.name)
            return made.pooled(values, _pooling(made, values, taken))

        def tokens(module: Any, x: Any) -> Any:
            out = _image_half(module)(pixel_values=x, **options)
            return _tokens(out, image.config, backbone.name)

        made = TorchNetwork(
            module, vector, tokens, "projected vector, of get_image_features", prefix,
            class_tokens > 0, suffix=int(getattr(image.config, "num_detection_tokens", 0) or 0),
        )  # fmt: skip
        if projected:
            return made
        return replace(made, own=_own(made, backbone.name, size, options, taken))


def load_model(backbone: Backbone) -> tuple[Any, Taken]:
    """Build a network, and say what its vector is made of.

    Raises
    ------
    WeightsError
        If the weights are another network's, or hold code.
    BackboneError
        If the network needs code of its repository.
    """
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        configuration = transformers.AutoConfig.from_pretrained(
            _folder(backbone), trust_remote_code=False
        )
        classifies = _is_classifier_of_image_half(configuration.to_dict())
        configuration = configuration.vision_config if classifies else configuration
        torch.manual_seed(RANDOM_SEED)
        if backbone.weights.file is None:
            module = _built(configuration)
            missing: list[str] = []
        else:
            module, missing = _with_weights(configuration, backbone)
    except (ValueError, OSError, RuntimeError, KeyError, ImportError) as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackboneError(f"transformers cannot build {backbone.network}: {line}") from error
    if hasattr(getattr(module, "embeddings", None), "random_masking"):
        module.embeddings.random_masking = _unmasked
    return module.eval(), "patches" if classifies else "tokens" if missing else "pooler"


def _built(configuration: Any) -> Any:
    """Build a network without weights, an image half with its projection where it has one."""
    import transformers

    kind = (configuration.architectures or [""])[0]
    if kind.endswith("VisionModelWithProjection"):
        return getattr(transformers, kind)(configuration)
    return transformers.AutoModel.from_config(configuration)


def _is_classifier_of_image_half(stated: Mapping[str, Any]) -> bool:
    """Whether it is a classifier made of CLIP's or SigLIP's image half: it has no text half.

    It takes the average of the patches; the pooler is there and took no part in its training.
    """
    kinds = stated.get("architectures") or [""]
    return kinds[0].endswith("ForImageClassification") and {"vision_config", "text_config"} <= set(
        stated
    )


def _pooling(network: TorchNetwork, values: Any, taken: Taken) -> Pooling:
    return "mean" if taken == "patches" else network.chosen(values, "own")


def _with_weights(configuration: Any, backbone: Backbone) -> tuple[Any, list[str]]:
    """Build a network with its weights, and name what of its pooler they lack."""
    import torch

    from embedlens.backbones.torch_weights import another, part_of, read_state

    network, file = backbone.network, backbone.weights.file
    state: dict[str, Any] = {}
    for each in backbone.weights.files():
        if not each.name.endswith(".index.json"):
            state |= read_state(each, network)
    with torch.device("meta"):
        empty = _built(configuration)
    kind, names = type(empty), empty.state_dict().keys()
    if not any(key.startswith(f"{kind.base_model_prefix}.") for key in state):
        state = dict(part_of(state, names, file, network))
    # Given a folder, transformers would take the file of its own choice.
    module, report = kind.from_pretrained(
        None,
        config=configuration,
        state_dict=state,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are refused below, with their names
        dtype=torch.float32,
    )
    missing = sorted(report["missing_keys"])
    if strange := [key for key in missing if "pooler." not in key]:
        raise WeightsError(another(file, network, f"it lacks {strange[0]}"))
    if mismatched := sorted(report["mismatched_keys"], key=str):
        key, held, wanted = mismatched[0]
        reason = f"its {key} is of shape {tuple(held)}, not {tuple(wanted)}"
        raise WeightsError(another(file, network, reason))
    if strange := [key for key in sorted(report["unexpected_keys"]) if _is_of_a_layer(key, module)]:
        raise WeightsError(another(file, network, f"it also holds {strange[0]}"))
    return module, missing


def _is_of_a_layer(key: str, module: Any) -> bool:
    """Whether a tensor that a network has no place for belongs to its layers, or to one more.

    Heads, decoders, poolers and mask tokens are left out rightly; buffers are made anew.
    """
    import torch

    name = key.removeprefix(f"{module.base_model_prefix}.")
    if name in {each for each, _ in module.named_buffers()}:
        return False
    at = module
    for part in name.split("."):
        if isinstance(at, torch.nn.ModuleList):
            return True
        at = getattr(at, part, None)
    return False


def _unmasked(sequence: Any, noise: Any = None) -> tuple[Any, None, None]:
    """Take the place of ViTMAE's, which drops three of four patches at random, and shuffles."""
    return sequence, None, None


def _class_tokens(image: Any) -> int:
    """Count the tokens of its embeddings that stand before patches; a pooler may have one too."""
    names = ("cls_token", "class_embedding", "distillation_token")
    return sum(
        each.numel() // each.shape[-1]
        for name, each in image.named_parameters()
        if "embeddings." in name and name.rpartition(".")[2] in names
    )


def _own(
    network: TorchNetwork, name: str, size: tuple[int, int], options: Any, taken: Taken
) -> str:
    """Say what the vector that counts is: of a picture it is looked whether there is a pooler."""
    import torch

    try:
        with torch.no_grad():
            out = network.module(pixel_values=torch.zeros(1, 3, *size), **options)
    except (RuntimeError, AssertionError, ValueError, IndexError, TypeError):
        return ""  # building tries it as well, and tells
    if (given := _given_vector(out, taken)) is not None:
        return given[1]
    values = _tokens(out, network.module.config, name)
    return vector_of(name, network.output(values), _pooling(network, values, taken))


def _of_another_size(image: Any, size: tuple[int, int]) -> dict[str, bool]:
    """Say that positions are to be interpolated, where a network has some, and for another size."""
    stated = getattr(image.config, "image_size", None)
    own = (stated, stated) if isinstance(stated, int) else stated and tuple(stated)
    option = "interpolate_pos_encoding"
    takes = option in inspect.signature(image.forward).parameters
    return {option: True} if takes and size != own else {}


def _image_half(module: Any) -> Any:
    return getattr(module, "vision_model", module)


def _given_vector(out: Any, taken: Taken) -> tuple[Any, str] | None:
    """Return the vector that a network gives, and what it is; None where tokens are to be pooled.

    CvT gives its class token beside a feature map.
    """
    given = [(getattr(out, "image_embeds", None), "projected vector")]
    if taken == "pooler":
        given.append((getattr(out, "pooler_output", None), "trained pooler's output"))
    given.append((getattr(out, "cls_token_value", None), "class token"))
    found = ((each.flatten(1), words) for each, words in given if each is not None)
    return next(found, None)


def _tokens(out: Any, configuration: Any, name: str) -> Any:
    """Return the last tokens or feature map of what a network gave."""
    maps = getattr(out, "feature_maps", None)
    values = getattr(out, "last_hidden_state", maps[-1] if maps else None)
    if values is None:
        raise BackboneError(f"{name} gives neither tokens nor a feature map, and has no features.")
    # Its pooled vector comes first, as if it was a token.
    return values[:, 1:] if configuration.model_type == "dinov3_convnext" else values


def _folder(backbone: Backbone) -> Path:
    local = backbone.family.path(backbone.network)
    if local is not None:
        return local
    return HubFile(backbone.network.removeprefix(PREFIX), ("config.json",)).file.parent


def _tokenizer(backbone: Backbone) -> Path:
    """Return the folder with the files of a network's tokenizer, fetched if it is not here."""
    local = backbone.family.path(backbone.network)
    for name in _TOKENIZER if local is None else ():
        file = HubFile(backbone.network.removeprefix(PREFIX), (name,))
        if not file.file.is_file():
            with suppress(WeightsError):  # no tokenizer has all of them
                file.get()
    folder = _folder(backbone)
    # transformers would make one up, of hardly any words.
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        raise BackboneError(f"there is no {' or '.join(_VOCABULARIES)} beside its weights")
    return folder


def _published(network: str, folder: Path | None, configuration: str) -> Weights:
    if folder is None:
        hub = HubFile(network.removeprefix(PREFIX), _WEIGHTS)
        return Weights("imagenet", None, hub, None, "published", configuration=configuration)
    found = [folder / name for name in _WEIGHTS if (folder / name).is_file()]
    file = found[0] if found else folder / _WEIGHTS[0]
    return Weights("file", file, configuration=configuration)


def _published_transform(network: str, folder: Path | None) -> Transform:
    try:
        file = _file(network, folder, _PROCESSORS)
    except BackboneError as error:
        raise BackboneError(f"{error} Say with --transform what pictures it was fed.") from error
    return read_transform(file)


def _stated(network: str, folder: Path | None, names: tuple[str, ...]) -> Mapping[str, Any]:
    """Read a configuration."""
    file = _file(network, folder, names)
    try:
        stated = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackboneError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(stated, dict):
        raise BackboneError(f"{file} holds no configuration.")
    return stated


def _file(network: str, folder: Path | None, names: tuple[str, ...]) -> Path:
    """Return the first that there is of some files, fetched from the hub where it is not here."""
    if folder is not None:
        found = [folder / name for name in names if (folder / name).is_file()]
        if not found:
            raise BackboneError(f"{network}: there is no {' or '.join(names)} in {folder}.")
        return found[0]
    hub = HubFile(network.removeprefix(PREFIX), names)
    if not hub.file.is_file():
        try:
            hub.get()
        except WeightsError as error:
            raise WeightsError(f"{network}: {error}.") from error
    return hub.file
