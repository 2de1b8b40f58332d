# One image for web, worker, beat and migrations; the command decides. Production only: no embedded servers inside.

FROM node:22-bookworm-slim AS front-end
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY frontend frontend
COPY scripts/build_static.mjs scripts/
RUN npm run build

FROM python:3.11-slim-bookworm AS packages
RUN python -m venv /opt/venv
COPY requirements/base.txt .
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r base.txt

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CRM_ENV=production \
    DATA_DIR=/data \
    STATIC_ROOT=/app/staticfiles
RUN groupadd --gid 10001 crm && useradd --uid 10001 --gid crm --no-create-home --home-dir /nonexistent crm \
    && install --directory --owner crm --group crm --mode 0750 /data
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . .
COPY --from=front-end /src/static/vendor static/vendor
# Throw-away values: collecting static files needs settings, not servers.
RUN python -m compileall -q . /opt/venv/lib \
    && python scripts/compile_messages.py \
    && SECRET_KEY=only-for-collecting-static-files-while-building ALLOWED_HOSTS=localhost CRM_EMBEDDED=off \
       DATABASE_URL=postgres://localhost/none REDIS_URL=redis://localhost DATA_DIR=/tmp \
       python manage.py collectstatic --noinput --verbosity 0
USER crm
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "deploy/healthcheck.py"]
CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "crm.wsgi:application"]
