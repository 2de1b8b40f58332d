#!/bin/sh
# Runs once, when the database cluster is made. The application is an ordinary role: only then are append-only tables
# append-only, and nothing it does can touch another database.
set -eu
psql --set ON_ERROR_STOP=1 --set password="$CRM_DB_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE crm LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE DATABASE crm OWNER crm;
SQL
