# A CPU image with all that needs no GPU: docker build -t embedlens .
#   docker run --rm -v "$PWD:/work" embedlens study photos/
FROM python:3.12-slim AS build
COPY pyproject.toml README.md LICENSE /source/
COPY src /source/src
RUN python -m venv /opt/embedlens && /opt/embedlens/bin/pip install --no-cache-dir "/source[train]"

FROM python:3.12-slim
# OpenMP, which scikit-learn's and JAX's wheels expect.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/embedlens /opt/embedlens
ENV PATH=/opt/embedlens/bin:$PATH EMBEDLENS_CACHE=/cache NUMBA_CACHE_DIR=/cache/numba KERAS_HOME=/cache/keras \
    MPLCONFIGDIR=/cache/matplotlib
# Any user may run it, so that what it writes is theirs: docker run --user "$(id -u):$(id -g)" ...
RUN mkdir -m 1777 /cache /work
VOLUME /cache
WORKDIR /work
ENTRYPOINT ["embedlens"]
CMD ["--help"]
