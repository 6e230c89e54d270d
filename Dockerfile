# heji in a container: `docker build --tag heji .`, then see docs/operate.md. No step needs root, a compiler or Git;
# tests/test_hosting.py runs them one by one, as they stand here, where there is no Docker.

FROM python:3.11-slim AS build
ENV VIRTUAL_ENV=/opt/heji DATA=/data PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORKDIR /build
RUN python -m venv "$VIRTUAL_ENV" && mkdir "$DATA"
# Alone, so that this layer is made anew only when the lock changes.
COPY requirements.txt ./
RUN "$VIRTUAL_ENV/bin/python" -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt
COPY bot ./bot
# Compiled here, for whoever runs it may not write there; by content, for a copy need not keep the times.
RUN "$VIRTUAL_ENV/bin/python" -m compileall -q --invalidation-mode unchecked-hash bot

FROM python:3.11-slim AS program
ENV VIRTUAL_ENV=/opt/heji DATA=/data HOME=/data PYTHONUNBUFFERED=1
ENV PATH=$VIRTUAL_ENV/bin:$PATH
ENV HOST=0.0.0.0 PORT=8080 DATABASE_URL=sqlite:////data/heji.db
WORKDIR /srv/heji
COPY --from=build /opt/heji /opt/heji
COPY --from=build /build/bot ./bot
COPY --from=build --chown=10001:10001 /data /data
COPY content ./content
COPY deploy/healthcheck.py deploy/own-the-volume ./deploy/
EXPOSE 8080
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "deploy/healthcheck.py"]
CMD ["python", "-m", "bot", "run"]

# For hosts that mount a volume as root's, such as Fly: begins as root, gives the volume away and stops being root.
FROM program AS volume-of-root
# hadolint ignore=DL3002
USER 0:0
ENTRYPOINT ["./deploy/own-the-volume"]
CMD ["python", "-m", "bot", "run"]

# What is built where nobody asks for another: a number, so that a cluster can see that it is not root.
FROM program
USER 10001:10001
