"""The 3-D viewer: its built files, its local server and the notebook widget.

Its source (TypeScript) stands in ``viewer/`` at the root of the repository.
"""
