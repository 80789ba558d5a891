# The operator's image. Both bases are given by digest:
#   BUILD_BASE  Debian 12 with python3-venv, such as docker.io/library/debian@sha256:…
#   BASE        what it runs on: Debian's python3.11 and certificates, and no more, such as
#               gcr.io/distroless/python3-debian12@sha256:…
# `make image` makes both from Debian's packages and needs no container engine.
ARG BUILD_BASE
ARG BASE

FROM ${BUILD_BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 SOURCE_DATE_EPOCH=315532800
RUN command -v python3 >/dev/null && python3 -c 'import ensurepip' || \
    { apt-get update && apt-get install --yes --no-install-recommends python3-venv; }
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/wavegate
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN /build/bin/pip --python /opt/wavegate/bin/python install --quiet --no-compile \
        --only-binary :all: --require-hashes -r requirements.lock && \
    /build/bin/pip install --quiet --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
# Of the package kubernetes the operator uses kubernetes.aio. The other half is as large, and would be
# imported with it at every start. Compiled here: the root is read-only, and the times of files are
# not those of the build.
RUN /build/bin/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir /wheel . && \
    /build/bin/pip --python /opt/wavegate/bin/python install --quiet --no-compile --no-deps \
        /wheel/*.whl && \
    cd /opt/wavegate/lib/python3.*/site-packages && \
    find kubernetes -mindepth 1 -maxdepth 1 ! -name aio ! -name __init__.py -exec rm -r {} + && \
    sed -i '/^from \. import /d' kubernetes/__init__.py && \
    find . -name '*_test.py' -delete && \
    /opt/wavegate/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/wavegate/lib

FROM ${BASE}
COPY --from=build /opt/wavegate /opt/wavegate
ENV PATH=/opt/wavegate/bin:/usr/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["/opt/wavegate/bin/python", "-m", "wavegate"]
