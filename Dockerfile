# An image for CPUs: docker build -t cxr . (docs/how-to/docker.md)
FROM python:3.12-slim AS build
# Extras of pyproject.toml, with commas between them: --build-arg EXTRAS=web,dicom
ARG EXTRAS=train,web
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/cxr \
 && /opt/cxr/bin/pip install --no-cache-dir ".[${EXTRAS}]" \
 && /opt/cxr/bin/pip uninstall --yes nvidia-nccl-cu12 # for several GPUs only

FROM python:3.12-slim
RUN useradd --create-home --uid 1000 cxr && mkdir /data && chown cxr /data
COPY --from=build /opt/cxr /opt/cxr
ENV PATH=/opt/cxr/bin:$PATH \
    HOME=/data \
    PYTHONDONTWRITEBYTECODE=1
USER cxr
WORKDIR /data
ENTRYPOINT ["cxr"]
CMD ["--help"]
