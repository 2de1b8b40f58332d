"""A published cadence is never changed and never taken away; a newer version supersedes it. Drafts are free."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION visits_cadence_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'cadence policy % is published and stays as it is', OLD.version USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER cadence_published_stays BEFORE UPDATE OR DELETE ON visits_cadencepolicy
    FOR EACH ROW WHEN (OLD.state = 'published') EXECUTE FUNCTION visits_cadence_refuse();
"""

BACKWARD = """
DROP TRIGGER cadence_published_stays ON visits_cadencepolicy;
DROP FUNCTION visits_cadence_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("visits", "0002_first_cadence")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
