# EXTRAS is kafka, or faust for a Faust worker.
ARG PYTHON=3.11.13-slim-bookworm

FROM python:${PYTHON} AS build
ARG EXTRAS=kafka
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/sidestream
WORKDIR /build
COPY LICENSE README.md pyproject.toml ./
COPY engine engine
COPY streams streams
RUN /opt/sidestream/bin/pip install ".[${EXTRAS}]"

FROM python:${PYTHON}
# Kernels are compiled here for any processor of this architecture, and not for the one that builds.
ENV NUMBA_CACHE_DIR=/opt/kernels \
    NUMBA_CPU_NAME=generic \
    PATH=/opt/sidestream/bin:$PATH \
    PYTHONUNBUFFERED=1
COPY --from=build /opt/sidestream /opt/sidestream
RUN sidestream warm-up && install -d -m 0700 -o 10001 -g 10001 /var/lib/sidestream

# Nothing but /tmp and /var/lib/sidestream need be writable; each start copies the kernels from the image to /tmp.
ENV HOME=/tmp NUMBA_CACHE_DIR=/tmp/kernels
USER 10001:10001
WORKDIR /var/lib/sidestream
ENTRYPOINT ["/bin/sh", "-c", "cp -R /opt/kernels /tmp/ && exec \"$@\"", "sidestream"]
CMD ["sidestream", "--help"]
