"""What the silhouette projection is compared with: the same network under other losses."""

from __future__ import annotations

from typing import Any

from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn import CentroidProjection, SilhouetteProjection
from embedlens.learn.projection import Projection

keras = import_keras()
ops = keras.ops


class CrossEntropyBottleneck(Projection):
    """A softmax layer on the embedding, trained by the cross-entropy and then dropped."""

    def _top(self, embedding: Any) -> Any:
        return keras.layers.Dense(len(self.classes_), activation="softmax")(embedding)

    def _loss(self) -> Any:
        return keras.losses.SparseCategoricalCrossentropy()


class SupervisedContrastive(keras.losses.Loss):
    """Khosla et al., "Supervised contrastive learning", 2020, equation 2, on the unit sphere."""

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__(name="supervised_contrastive")
        self.temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        labels = ops.reshape(y_true, (-1,))
        alone = ops.eye(ops.shape(y_pred)[0], dtype="bool")
        logits = ops.matmul(y_pred, ops.transpose(y_pred)) / self.temperature
        logits = ops.where(alone, -1e9, logits)
        likely = logits - ops.logsumexp(logits, axis=1, keepdims=True)
        same = (labels[:, None] == labels[None, :]) & ops.logical_not(alone)
        number = ops.maximum(ops.sum(ops.cast(same, likely.dtype), axis=1), 1)
        return -ops.sum(ops.where(same, likely, 0), axis=1) / number


class ContrastiveProjection(Projection):
    """The supervised contrastive loss, on the unit sphere as the silhouette projection."""

    def _last_layers(self) -> list[Any]:
        return [keras.layers.UnitNormalization()]

    def _loss(self) -> Any:
        return SupervisedContrastive()


def make(method: str, dimensions: int, classes: int, points: int, seed: int) -> Any:
    """Return the transformation of that name, not yet fitted."""
    if method == "features":
        return FunctionTransformer()
    if method == "PCA":
        return PCA(min(dimensions, points), random_state=seed)
    if method == "LDA":
        # Shrinkage, as there are more features than points; at most classes - 1 dimensions.
        return LinearDiscriminantAnalysis(
            solver="eigen", shrinkage="auto", n_components=min(dimensions, classes - 1)
        )
    if method == "NCA":
        # On 64 principal components: a minute on all of them.
        start = min(64, points - 1)
        nca = NeighborhoodComponentsAnalysis(
            min(dimensions, start), init="pca", max_iter=50, random_state=seed
        )
        return make_pipeline(PCA(start, whiten=True, random_state=seed), nca)
    return NETWORKS[method](dimensions, random_state=seed)


NETWORKS: dict[str, type[Projection]] = {
    "cross-entropy": CrossEntropyBottleneck,
    "contrastive": ContrastiveProjection,
    "centroid": CentroidProjection,
    "silhouette": SilhouetteProjection,
}
METHODS = ("features", "PCA", "LDA", "NCA", *NETWORKS)
