"""Writers leave their changes in the outbox by trigger, in their own transaction, set-based SQL included (N3).

A statement that touches more than 20,000 clients is a load, not 20,000 events: it leaves one row for each branch.
"""

from django.db import migrations

FORWARD = """
INSERT INTO feed_head (id, sequence, forgotten) VALUES (1, 0, 0);

CREATE FUNCTION feed_client_created() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM (SELECT 1 FROM new_rows LIMIT 20001) few) > 20000 THEN
        INSERT INTO feed_outgoing (kind, object_no, branch_id, data)
        SELECT 'clients.loaded', b.branch_no, b.id, jsonb_build_object('clients', count(*))
        FROM new_rows n JOIN org_branch b ON b.id = n.branch_id GROUP BY b.id;
    ELSE
        INSERT INTO feed_outgoing (kind, object_no, client_no, branch_id)
        SELECT 'client.created', client_no, client_no, branch_id FROM new_rows ORDER BY id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER feed_client_created AFTER INSERT ON clients_client
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_client_created();

CREATE FUNCTION feed_client_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM (SELECT 1 FROM new_rows LIMIT 20001) few) > 20000 THEN
        INSERT INTO feed_outgoing (kind, object_no, branch_id, data)
        SELECT 'clients.loaded', b.branch_no, b.id, jsonb_build_object('clients', count(*))
        FROM new_rows n JOIN org_branch b ON b.id = n.branch_id GROUP BY b.id;
        RETURN NULL;
    END IF;
    INSERT INTO feed_outgoing (kind, object_no, client_no, branch_id)
    SELECT CASE WHEN n.status = 'closed' AND o.status <> 'closed' THEN 'client.closed'
                WHEN n.branch_id <> o.branch_id OR n.manager_id IS DISTINCT FROM o.manager_id THEN 'client.moved'
                ELSE 'client.changed' END, n.client_no, n.client_no, side.branch_id
    FROM new_rows n JOIN old_rows o ON o.id = n.id
    -- Both branches learn of a move: the one that loses the client too.
    CROSS JOIN LATERAL (SELECT n.branch_id UNION SELECT o.branch_id) side
    WHERE (n.name, n.branch_id, n.manager_id, n.status, n.opened_on, n.closed_on, n.id_type, n.id_no, n.gender, n.birth_date,
           n.mobile, n.email, n.address, n.lat, n.lon, n.risk_level, n.risk_valid_until, n.investor_type, n.occupation, n.education)
        IS DISTINCT FROM
          (o.name, o.branch_id, o.manager_id, o.status, o.opened_on, o.closed_on, o.id_type, o.id_no, o.gender, o.birth_date,
           o.mobile, o.email, o.address, o.lat, o.lon, o.risk_level, o.risk_valid_until, o.investor_type, o.occupation, o.education)
    ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE TRIGGER feed_client_changed AFTER UPDATE ON clients_client
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_client_changed();

CREATE FUNCTION feed_tier_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM (SELECT 1 FROM new_rows LIMIT 20001) few) > 20000 THEN
        INSERT INTO feed_outgoing (kind, object_no, branch_id, data)
        SELECT 'clients.ranked', b.branch_no, b.id, jsonb_build_object('changes', count(*))
        FROM new_rows n JOIN clients_client c ON c.id = n.client_id JOIN org_branch b ON b.id = c.branch_id GROUP BY b.id;
    ELSE
        INSERT INTO feed_outgoing (kind, object_no, client_no, branch_id, data)
        SELECT 'client.tier_changed', c.client_no, c.client_no, c.branch_id,
               jsonb_build_object('what', n.what, 'before', n.before, 'after', n.after, 'date', n.business_date)
        FROM new_rows n JOIN clients_client c ON c.id = n.client_id ORDER BY n.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER feed_tier_changed AFTER INSERT ON segmentation_tierchange
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_tier_changed();

-- A proposal of the planner is nobody's appointment yet.
CREATE FUNCTION feed_visit_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_outgoing (kind, object_no, client_no, branch_id, data)
    SELECT 'visit.' || n.state, n.id::text, c.client_no, c.branch_id, jsonb_build_object('date', n.date)
    FROM new_rows n JOIN clients_client c ON c.id = n.client_id WHERE n.state <> 'proposed' ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE TRIGGER feed_visit_made AFTER INSERT ON visits_visit
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_visit_made();

CREATE FUNCTION feed_visit_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_outgoing (kind, object_no, client_no, branch_id, data)
    SELECT CASE WHEN n.state = o.state THEN 'visit.moved' ELSE 'visit.' || n.state END, n.id::text, c.client_no, c.branch_id,
           jsonb_build_object('date', n.date)
    FROM new_rows n JOIN old_rows o ON o.id = n.id JOIN clients_client c ON c.id = n.client_id
    WHERE n.state <> 'proposed'
      AND (n.state, n.date, n.start, n.minutes, n.kind, n.manager_id)
          IS DISTINCT FROM (o.state, o.date, o.start, o.minutes, o.kind, o.manager_id)
    ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE TRIGGER feed_visit_changed AFTER UPDATE ON visits_visit
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_visit_changed();

CREATE FUNCTION feed_complaint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_outgoing (kind, object_no, client_no, branch_id, data)
    SELECT 'complaint.' || n.kind, p.number, coalesce(c.client_no, ''), p.branch_id, jsonb_build_object('sequence', n.sequence)
    FROM new_rows n JOIN complaints_complaint p ON p.id = n.complaint_id LEFT JOIN clients_client c ON c.id = p.client_id
    ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE TRIGGER feed_complaint AFTER INSERT ON complaints_complaintevent
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_complaint();

CREATE FUNCTION feed_night() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_outgoing (kind, object_no, data)
    VALUES ('night.' || NEW.state, NEW.business_date::text, jsonb_build_object('run', NEW.run_no));
    RETURN NULL;
END $$;
CREATE TRIGGER feed_night AFTER UPDATE ON nights_night FOR EACH ROW
    WHEN (NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION feed_night();

CREATE FUNCTION feed_intake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_outgoing (kind, object_no, data)
    VALUES ('intake.' || NEW.state, NEW.id::text, jsonb_build_object('date', NEW.business_date));
    RETURN NULL;
END $$;
CREATE TRIGGER feed_intake AFTER UPDATE ON ledger_intakebatch FOR EACH ROW
    WHEN (NEW.state IS DISTINCT FROM OLD.state AND NEW.state IN ('done', 'partly', 'failed', 'undone') AND NOT NEW.dry_run)
    EXECUTE FUNCTION feed_intake();
"""

BACKWARD = """
DROP TRIGGER feed_intake ON ledger_intakebatch; DROP FUNCTION feed_intake();
DROP TRIGGER feed_night ON nights_night; DROP FUNCTION feed_night();
DROP TRIGGER feed_complaint ON complaints_complaintevent; DROP FUNCTION feed_complaint();
DROP TRIGGER feed_visit_changed ON visits_visit; DROP FUNCTION feed_visit_changed();
DROP TRIGGER feed_visit_made ON visits_visit; DROP FUNCTION feed_visit_made();
DROP TRIGGER feed_tier_changed ON segmentation_tierchange; DROP FUNCTION feed_tier_changed();
DROP TRIGGER feed_client_changed ON clients_client; DROP FUNCTION feed_client_changed();
DROP TRIGGER feed_client_created ON clients_client; DROP FUNCTION feed_client_created();
DELETE FROM feed_head;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("feed", "0001_initial"),
        ("clients", "0005_remember_notes"),
        ("segmentation", "0006_published_policy_stays"),
        ("visits", "0006_photo_of_a_note"),
        ("complaints", "0005_two_persons"),
        ("nights", "0004_steps_of_visits"),
        ("ledger", "0004_dirty_months_are_a_log"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
