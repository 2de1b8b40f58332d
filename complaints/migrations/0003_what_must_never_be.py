"""What no code, not even by hand, may do to a file: change its past, skip a step, decide about oneself (X1, X2, U6)."""

from django.db import migrations

EVENTS = """
CREATE FUNCTION complaints_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the file of a complaint is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER complaint_event_append_only BEFORE UPDATE OR DELETE ON complaints_complaintevent
    FOR EACH ROW EXECUTE FUNCTION complaints_append_only();
CREATE TRIGGER complaint_event_no_truncate BEFORE TRUNCATE ON complaints_complaintevent
    FOR EACH STATEMENT EXECUTE FUNCTION complaints_append_only();

CREATE FUNCTION complaints_event_added() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c complaints_complaint;
BEGIN
    SELECT * INTO c FROM complaints_complaint WHERE id = NEW.complaint_id;
    IF NEW.sequence <> c.version + 1 OR NEW.before <> c.head THEN
        RAISE EXCEPTION 'complaint %: event % does not follow event %', c.number, NEW.sequence, c.version
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- Whoever hears it first may write it down, even if it is about him; nothing after that.
    IF NEW.kind <> 'registered' AND NEW.by_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM org_staff s WHERE s.user_id = NEW.by_id AND s.id IN (c.about_person_id, c.about_superior_id)) THEN
        RAISE EXCEPTION 'complaint %: nobody handles or approves a complaint about himself', c.number
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.kind = 'approved' AND c.handler_id = (SELECT s.id FROM org_staff s WHERE s.user_id = NEW.by_id) THEN
        RAISE EXCEPTION 'complaint %: the handler does not approve', c.number
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER complaint_event_follows BEFORE INSERT ON complaints_complaintevent
    FOR EACH ROW EXECUTE FUNCTION complaints_event_added();
"""

EVENTS_BACK = """
DROP TRIGGER complaint_event_follows ON complaints_complaintevent;
DROP FUNCTION complaints_event_added();
DROP TRIGGER complaint_event_no_truncate ON complaints_complaintevent;
DROP TRIGGER complaint_event_append_only ON complaints_complaintevent;
DROP FUNCTION complaints_append_only();
"""

CASES = """
CREATE FUNCTION complaints_case_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'complaint %: a case is never deleted', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'received' OR NEW.step <> 1 OR NEW.round <> 1 OR NEW.version <> 0 THEN
            RAISE EXCEPTION 'complaint %: a case begins as received, at step 1', NEW.number
                  USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.version = OLD.version THEN
        IF to_jsonb(NEW) - 'due_at' - 'due_key' <> to_jsonb(OLD) - 'due_at' - 'due_key' THEN
            RAISE EXCEPTION 'complaint %: nothing changes without an event', OLD.number
                  USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM complaints_complaintevent e
                    WHERE e.complaint_id = OLD.id AND e.sequence = NEW.version AND e.hash = NEW.head)
       OR NEW.version <> OLD.version + 1 OR NEW.number <> OLD.number THEN
        RAISE EXCEPTION 'complaint %: nothing changes without an event', OLD.number
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state <> OLD.state AND NEW.state || '<' || OLD.state NOT IN (
        'accepted<received', 'closed<received', 'in_work<accepted', 'closed<accepted', 'answered<in_work',
        'closed<in_work', 'in_work<answered', 'closed<answered', 'reopened<closed', 'archived<closed',
        'in_work<reopened', 'answered<reopened', 'closed<reopened') THEN
        RAISE EXCEPTION 'complaint %: % does not follow %', OLD.number, NEW.state, OLD.state
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.step > OLD.step AND (NEW.step <> OLD.step + 1 OR NEW.round <> OLD.round OR NOT EXISTS (
        SELECT 1 FROM complaints_steprun s WHERE s.complaint_id = OLD.id AND s.step = OLD.step
           AND s.round = OLD.round AND s.done_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'complaint %: step % is not done', OLD.number, OLD.step
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.step < OLD.step AND NEW.round <> OLD.round + 1 THEN
        RAISE EXCEPTION 'complaint %: going back begins a new round', OLD.number
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER complaint_moves BEFORE INSERT OR UPDATE OR DELETE ON complaints_complaint
    FOR EACH ROW EXECUTE FUNCTION complaints_case_moves();
"""

CASES_BACK = """
DROP TRIGGER complaint_moves ON complaints_complaint;
DROP FUNCTION complaints_case_moves();
"""

STEPS = """
CREATE FUNCTION complaints_step_done() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a step that is done stays as it is' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER complaint_step_done BEFORE UPDATE OR DELETE ON complaints_steprun
    FOR EACH ROW WHEN (OLD.done_at IS NOT NULL) EXECUTE FUNCTION complaints_step_done();
ALTER TABLE complaints_steprun ADD CONSTRAINT complaint_step_record_whole CHECK (done_at IS NULL OR CASE step
    WHEN 1 THEN record ->> 'told' <> '' AND record ->> 'feeling' <> '' AND (record ->> 'restated')::boolean
    WHEN 2 THEN record ->> 'apology' <> '' AND record ->> 'contained' <> ''
    WHEN 3 THEN record ->> 'findings' <> '' AND record ->> 'sources' <> ''
    WHEN 4 THEN record ->> 'responsibility' <> '' AND record ->> 'grounds' <> '' AND record #>> '{proposals,0,text}' <> ''
    WHEN 5 THEN record ->> 'choice' <> '' AND record ->> 'client_words' <> '' AND record ->> 'evidence' <> ''
    ELSE record ->> 'carried_out' <> '' END IS TRUE);
CREATE UNIQUE INDEX complaint_one_step_open ON complaints_steprun (complaint_id, round) WHERE done_at IS NULL;
CREATE FUNCTION complaints_policy_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'complaint policy % is published and stays as it is', OLD.version
          USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER complaint_policy_published_stays BEFORE UPDATE OR DELETE ON complaints_complaintpolicy
    FOR EACH ROW WHEN (OLD.state = 'published') EXECUTE FUNCTION complaints_policy_refuse();
"""

STEPS_BACK = """
DROP TRIGGER complaint_policy_published_stays ON complaints_complaintpolicy;
DROP FUNCTION complaints_policy_refuse();
DROP INDEX complaint_one_step_open;
ALTER TABLE complaints_steprun DROP CONSTRAINT complaint_step_record_whole;
DROP TRIGGER complaint_step_done ON complaints_steprun;
DROP FUNCTION complaints_step_done();
"""


class Migration(migrations.Migration):
    dependencies = [("complaints", "0002_first_policy")]
    operations = [
        migrations.RunSQL(EVENTS, EVENTS_BACK),
        migrations.RunSQL(CASES, CASES_BACK),
        migrations.RunSQL(STEPS, STEPS_BACK),
    ]
