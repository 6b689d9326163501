# venule from the lock file, for a cluster: runs offline, as an ordinary user, on a read-only root.
#
#     docker build -t venule .
#     docker run --rm --network none --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" \
#         -v /share:/share venule predict /share/photographs -o /share/results
#
# See docs/cluster.md. Debian's package sources are not used: everything comes from PyPI, by hash.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venule
COPY requirements/base.txt /build/requirements.txt
RUN /opt/venule/bin/python -m pip install --quiet --require-hashes -r /build/requirements.txt
COPY pyproject.toml README.md LICENSE LICENSE-WEIGHTS /build/
COPY src /build/src
RUN /opt/venule/bin/python -m pip install --quiet --no-deps --no-build-isolation --no-index /build \
    && /opt/venule/bin/python -m compileall -q /opt/venule \
    && /opt/venule/bin/venule models

FROM python:3.11-slim-bookworm
COPY --from=build /opt/venule /opt/venule
# Nothing is written outside OUT: no bytecode, no caches below a home that may not be there.
ENV PATH=/opt/venule/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HOME=/tmp XDG_CACHE_HOME=/tmp
USER 65534:65534
WORKDIR /tmp
ENTRYPOINT ["venule"]
CMD ["--help"]
