# The service and its commands in one image; how to run it stands in docs/deployment.md.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt requirements-dev.txt ./
# Nothing comes in whose hash is not in the locks, and nothing is compiled: so the image needs no compiler.
RUN python -m venv /opt/scheduler \
    && /opt/scheduler/bin/pip install --require-hashes --only-binary=:all: --requirement requirements.txt
# What builds the wheel, out of the other lock: pip refuses if anything it needs is not named here.
RUN awk '/^[a-z]/ {wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/} wanted' requirements-dev.txt > tools.txt \
    && python -m venv /opt/tools \
    && /opt/tools/bin/pip install --require-hashes --only-binary=:all: --requirement tools.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY .ci/hatch_build.py .ci/
COPY domain domain
COPY application application
COPY adapters adapters
COPY entrypoints entrypoints
RUN /opt/tools/bin/hatchling build --target wheel \
    && /opt/scheduler/bin/pip install --no-deps --no-index dist/*.whl

FROM python:3.11.14-slim-bookworm
# By its number, so that Kubernetes can tell that it is not root.
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/peachpie-scheduler --create-home scheduler
COPY --from=build /opt/scheduler /opt/scheduler
# Beyond the container's loopback it asks for a login. Code of your own goes to /app: SCHEDULER_PROCESSORS=shop.tasks:processors.
ENV PATH=/opt/scheduler/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    SCHEDULER_HOST=0.0.0.0 \
    SCHEDULER_PORT=8080 \
    SCHEDULER_STORE_PATH=/var/lib/peachpie-scheduler/scheduler.db \
    SCHEDULER_CONTENT_PATH=/var/lib/peachpie-scheduler/content.db
USER 10001:10001
WORKDIR /var/lib/peachpie-scheduler
# All that is ever written; everything else may be read-only.
VOLUME /var/lib/peachpie-scheduler
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s \
    CMD ["python", "-Ic", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8080, timeout=4); c.request('GET', '/health/ready'); raise SystemExit(c.getresponse().status != 200)"]
# Without a shell in between, SIGTERM arrives: it claims no more, lets what runs end within SCHEDULER_GRACE, and leaves.
ENTRYPOINT ["peachpie-scheduler"]
CMD ["serve"]
