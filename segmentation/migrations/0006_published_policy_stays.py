"""A published policy is never changed and never taken away; a newer version supersedes it (S1, U1). Drafts are free."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION segmentation_policy_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ranking policy % is published and stays as it is', OLD.version USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER policy_published_stays BEFORE UPDATE OR DELETE ON segmentation_rankingpolicy
    FOR EACH ROW WHEN (OLD.state = 'published') EXECUTE FUNCTION segmentation_policy_refuse();
"""

BACKWARD = """
DROP TRIGGER policy_published_stays ON segmentation_rankingpolicy;
DROP FUNCTION segmentation_policy_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("segmentation", "0005_standing_by_contribution")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
