"""Each row of the trail gets its digest as it is written, by whatever statement; the chain gives nothing back (U8)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION org_audit_digest(e org_auditevent) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        e.id, (extract(epoch FROM e.at) * 1000000)::bigint, e.user_id, e.action, e.object_kind, e.object_no, e.detail,
        e.address::text, e.request_id, to_jsonb(e.reached)
    )::text, 'UTF8'))
$$;
CREATE FUNCTION org_audit_fill_digest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.digest := org_audit_digest(NEW);
    RETURN NEW;
END $$;
CREATE TRIGGER audit_digest BEFORE INSERT ON org_auditevent FOR EACH ROW EXECUTE FUNCTION org_audit_fill_digest();
CREATE TRIGGER audit_link_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON org_auditlink
    FOR EACH STATEMENT EXECUTE FUNCTION org_audit_refuse();
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON org_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION org_audit_refuse();
"""

BACKWARD = """
DROP TRIGGER audit_seal_append_only ON org_auditseal;
DROP TRIGGER audit_link_append_only ON org_auditlink;
DROP TRIGGER audit_digest ON org_auditevent;
DROP FUNCTION org_audit_fill_digest();
DROP FUNCTION org_audit_digest(org_auditevent);
"""


class Migration(migrations.Migration):
    dependencies = [("org", "0006_audit_chain")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
