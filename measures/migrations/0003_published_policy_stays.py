"""A published measure policy is never changed and never taken away; a newer version supersedes it. Drafts are free."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION measures_policy_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'measure policy % is published and stays as it is', OLD.version USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER measure_policy_published_stays BEFORE UPDATE OR DELETE ON measures_measurepolicy
    FOR EACH ROW WHEN (OLD.state = 'published') EXECUTE FUNCTION measures_policy_refuse();
"""

BACKWARD = """
DROP TRIGGER measure_policy_published_stays ON measures_measurepolicy;
DROP FUNCTION measures_policy_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("measures", "0002_first_policy")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
