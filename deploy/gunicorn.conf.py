"""Gunicorn in a container: read-only root, logs to standard output, load balancer in front."""

import os

bind = "0.0.0.0:8000"
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
preload_app = True
timeout = 60
graceful_timeout = 30
# A worker is renewed now and then, not all at the same time.
max_requests = 20_000
max_requests_jitter = 2_000
worker_tmp_dir = "/dev/shm"  # noqa: S108  a heartbeat file must not wait for a disk
control_socket_disable = True
accesslog = "-"
# No query string: it may hold what somebody searched for.
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(b)s %(M)sms'
