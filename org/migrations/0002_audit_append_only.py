"""The audit trail takes rows and gives none back: UPDATE, DELETE and TRUNCATE are refused by the database (N4)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION org_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON org_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION org_audit_refuse();
"""

BACKWARD = """
DROP TRIGGER audit_append_only ON org_auditevent;
DROP FUNCTION org_audit_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("org", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
