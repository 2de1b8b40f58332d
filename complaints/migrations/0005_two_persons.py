"""Kind, business line and a lower severity are changed by two persons, whoever writes the event (X3)."""

from django.db import migrations

TWO_PERSONS = """
CREATE FUNCTION complaints_two_persons() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE asked complaints_complaintevent; handler bigint;
BEGIN
    IF NEW.kind = 'corrected' THEN
        IF NEW.data -> 'to' ?| array['kind', 'category'] THEN
            RAISE EXCEPTION 'event % changes labels that want two persons', NEW.sequence
                  USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    SELECT * INTO asked FROM complaints_complaintevent e
     WHERE e.complaint_id = NEW.complaint_id AND e.kind IN ('relabel_asked', 'relabelled', 'relabel_declined')
     ORDER BY e.sequence DESC LIMIT 1;
    SELECT c.handler_id INTO handler FROM complaints_complaint c WHERE c.id = NEW.complaint_id;
    IF asked.kind IS DISTINCT FROM 'relabel_asked' OR asked.data -> 'to' <> NEW.data -> 'to' OR NEW.by_id IS NULL
       OR asked.by_id = NEW.by_id OR handler = (SELECT s.id FROM org_staff s WHERE s.user_id = NEW.by_id) THEN
        RAISE EXCEPTION 'event %: labels are confirmed as asked for, by a second person', NEW.sequence
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER complaint_two_persons BEFORE INSERT ON complaints_complaintevent
    FOR EACH ROW WHEN (NEW.kind IN ('corrected', 'relabelled')) EXECUTE FUNCTION complaints_two_persons();
"""

BACK = """
DROP TRIGGER complaint_two_persons ON complaints_complaintevent;
DROP FUNCTION complaints_two_persons();
"""


class Migration(migrations.Migration):
    dependencies = [("complaints", "0004_labels_of_two_persons")]
    operations = [migrations.RunSQL(TWO_PERSONS, BACK)]
