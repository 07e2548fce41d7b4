# A server of one model. Build it in the repository, and give it a folder of models:
#   docker build --tag skae .
#   docker run --rm --publish 8000:8000 --volume "$PWD/models:/models:ro" skae /models/tumours.skae
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY skae skae
# Torch for Linux brings the libraries of CUDA, which take gigabytes. An index with its builds for the
# CPU, as torch's page on installing names it, makes the image smaller:
#   docker build --build-arg PIP_EXTRA_INDEX_URL=... --tag skae .
ARG PIP_EXTRA_INDEX_URL=""
RUN python -m venv /opt/skae \
    && /opt/skae/bin/pip install --no-cache-dir --constraint constraints.txt ".[serve]" onnxruntime

FROM python:3.13-slim
RUN useradd --uid 1000 --no-create-home skae
COPY --from=build /opt/skae /opt/skae
ENV PATH="/opt/skae/bin:$PATH" ORT_DISABLE_TELEMETRY=1
USER 1000:1000
EXPOSE 8000
# Starting takes seconds, as torch is imported and the model is tried.
HEALTHCHECK --start-period=60s --interval=10s --timeout=5s CMD \
    ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8000/v2/health/ready', timeout=4)"]
# The arguments of `docker run` follow: the model file and options, such as --workers 2.
ENTRYPOINT ["skae", "serve", "--host", "0.0.0.0"]
CMD ["--help"]
