"""The table of what was measured of all pictures, where the study is of a sample."""

from __future__ import annotations

from embedlens.report.names import backbone_labels
from embedlens.report.table import Table
from embedlens.results import Results
from embedlens.results.whole import Whole

_COLUMNS = {
    "pictures": "pictures",
    "silhouette.sqeuclidean": "silhouette_sqeuclidean",
    "silhouette.sqeuclidean.macro": "silhouette_sqeuclidean_macro",
    "silhouette.cosine": "silhouette_cosine",
    "silhouette.cosine.macro": "silhouette_cosine_macro",
    "pca.variance_kept": "pca_variance_kept",
}


def whole_table(results: Results, whole: Whole) -> Table:
    """Silhouettes and principal components of all pictures, by backbone."""
    names = backbone_labels(results)
    measured = whole.measures.pivot(index="backbone", columns="metric", values="value")
    order = [name for name in results.backbones["backbone"] if name in measured.index]
    frame = measured.loc[order, list(_COLUMNS)].rename(columns=_COLUMNS)
    frame = frame.astype({"pictures": int})
    frame.insert(0, "backbone", [names[name] for name in order])
    silhouettes = [name for name in frame if str(name).startswith("silhouette")]
    return Table(
        "All pictures",
        f"Of all pictures in {whole.place} that have a class and features. Silhouettes are exact, "
        "by squared Euclidean and by cosine distance, which do not compare with the Euclidean ones "
        "of the sample; the mean over pictures, and (macro) over classes. The last column is the "
        "share of the variance that three principal components of all pictures keep.",
        frame.reset_index(drop=True),
        {
            "pictures": ",d",
            **{str(name): ".3f" for name in silhouettes},
            "pca_variance_kept": ".1%",
        },
    )
