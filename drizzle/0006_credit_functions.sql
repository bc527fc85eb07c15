-- What may still be taken out of a purse; its row stays locked until the transaction ends, so that nobody else takes it too.
-- NULL: there is no such purse. "tightest" is the limit that leaves the least: 1, 2, 3 in the order of "starts".
-- "starts": since when a spending counts. Subscription: the earliest begin of a day, week, month window that still runs;
-- key: the calendar day and month of now.
CREATE FUNCTION credit_room(p_purse text, p_owner_id bigint, p_starts timestamptz[], OUT room bigint, OUT tightest integer)
LANGUAGE plpgsql AS $$
BEGIN
	IF p_purse = 'balance' THEN
		SELECT "balance_nano", 1 INTO room, tightest FROM "users" WHERE "id" = p_owner_id FOR NO KEY UPDATE;
		RETURN;
	END IF;
	IF p_purse = 'subscription' THEN
		PERFORM 1 FROM "subscriptions" WHERE "id" = p_owner_id AND "status" = 'active' FOR NO KEY UPDATE;
		IF NOT FOUND THEN RETURN; END IF;
		SELECT l.left_nano, l.place INTO room, tightest
		FROM "subscriptions" s JOIN "groups" g ON g."id" = s."group_id" CROSS JOIN LATERAL (VALUES
			(1, g."limit_day_nano" - CASE WHEN s."day_started_at" >= p_starts[1] THEN s."day_spent_nano" ELSE 0 END),
			(2, g."limit_week_nano" - CASE WHEN s."week_started_at" >= p_starts[2] THEN s."week_spent_nano" ELSE 0 END),
			(3, g."limit_month_nano" - CASE WHEN s."month_started_at" >= p_starts[3] THEN s."month_spent_nano" ELSE 0 END)
		) AS l (place, left_nano)
		WHERE s."id" = p_owner_id ORDER BY l.left_nano NULLS LAST, l.place LIMIT 1;
	ELSE
		INSERT INTO "key_spending" ("key_id") SELECT "id" FROM "api_keys" WHERE "id" = p_owner_id ON CONFLICT DO NOTHING;
		PERFORM 1 FROM "key_spending" WHERE "key_id" = p_owner_id FOR NO KEY UPDATE;
		IF NOT FOUND THEN RETURN; END IF;
		SELECT l.left_nano, l.place INTO room, tightest
		FROM "key_spending" s JOIN "api_keys" k ON k."id" = s."key_id" CROSS JOIN LATERAL (VALUES
			(1, k."limit_day_nano" - CASE WHEN s."day_started_at" >= p_starts[1] THEN s."day_nano" ELSE 0 END),
			(2, k."limit_month_nano" - CASE WHEN s."month_started_at" >= p_starts[2] THEN s."month_nano" ELSE 0 END),
			(3, k."limit_total_nano" - s."total_nano")
		) AS l (place, left_nano)
		WHERE s."key_id" = p_owner_id ORDER BY l.left_nano NULLS LAST, l.place LIMIT 1;
	END IF;
	-- Without any limit there is room for a million dollars.
	room := coalesce(room, 1000000000000000) - (
		SELECT coalesce(sum("amount_nano"), 0) FROM "credit_leases" WHERE "purse" = p_purse AND "owner_id" = p_owner_id);
END
$$;
--> statement-breakpoint
-- One step of leasing, for all who wait for credit of one purse in one instance, first come first served: each gets what he
-- wants where it fits, or what is left where he may be content with less (one at a time), or NULL. "held" is what the
-- instance has free already. Beyond what they need a chunk is leased, but only while there is plenty.
-- "leased" NULL: the lease that should grow is gone (it has expired and was returned).
CREATE FUNCTION lease_credit(
	p_purse text, p_owner_id bigint, p_lease_id uuid, p_is_new boolean, p_boot_id text, p_lease_seconds integer,
	p_held bigint, p_wants bigint[], p_partial boolean[], p_instances integer, p_starts timestamptz[],
	OUT leased bigint, OUT granted bigint[], OUT room bigint, OUT tightest integer)
LANGUAGE plpgsql AS $$
DECLARE
	v_taken bigint := 0;
	v_largest bigint := 0;
	v_available bigint;
	v_is_any boolean := false;
	v_is_partial boolean := false;
	v_chunk bigint;
BEGIN
	SELECT r.room, r.tightest INTO room, tightest FROM credit_room(p_purse, p_owner_id, p_starts) r;
	IF NOT p_is_new AND NOT EXISTS (SELECT FROM "credit_leases" WHERE "id" = p_lease_id) THEN RETURN; END IF;
	leased := 0;
	v_available := room + p_held;
	FOR i IN 1 .. array_length(p_wants, 1) LOOP
		v_largest := greatest(v_largest, p_wants[i]);
		IF v_taken + p_wants[i] <= v_available THEN
			granted := granted || p_wants[i];
			v_taken := v_taken + p_wants[i];
			v_is_any := true;
		ELSIF p_partial[i] AND NOT v_is_partial AND v_taken < v_available THEN
			granted := granted || (v_available - v_taken);
			v_taken := v_available;
			v_is_partial := true;
			v_is_any := true;
		ELSE
			granted := granted || NULL::bigint;
		END IF;
	END LOOP;
	IF NOT v_is_any THEN RETURN; END IF;
	leased := greatest(0, v_taken - p_held);
	IF v_largest > 0 AND room::numeric >= 20::numeric * v_largest * p_instances THEN
		v_chunk := least(1000000000, room / (8 * p_instances));
		-- In whole estimates: what is left over of several instances would be of no use to any.
		leased := greatest(leased, least(room, v_chunk / v_largest * v_largest));
	END IF;
	IF p_purse = 'balance' AND leased > 0 THEN
		UPDATE "users" SET "balance_nano" = "balance_nano" - leased WHERE "id" = p_owner_id AND "balance_nano" >= leased;
		IF NOT FOUND THEN RAISE EXCEPTION 'more was leased than there is'; END IF;
	END IF;
	INSERT INTO "credit_leases" AS l ("id", "purse", "owner_id", "boot_id", "amount_nano", "expires_at")
	VALUES (p_lease_id, p_purse, p_owner_id, p_boot_id, leased, now() + make_interval(secs => p_lease_seconds))
	ON CONFLICT ("id") DO UPDATE SET "amount_nano" = l."amount_nano" + excluded."amount_nano", "expires_at" = excluded."expires_at";
END
$$;
--> statement-breakpoint
-- Gives so much of a lease back to its purse, at most what it has; NULL = all of it, and the lease is no more. Of an expired
-- lease only where that is asked. The purse is locked before the lease, as everybody does.
CREATE FUNCTION release_credit(p_lease_id uuid, p_amount bigint, p_if_expired boolean) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	v_purse text;
	v_owner_id bigint;
	v_amount bigint;
BEGIN
	SELECT "purse", "owner_id" INTO v_purse, v_owner_id FROM "credit_leases" WHERE "id" = p_lease_id;
	IF v_purse = 'balance' THEN PERFORM 1 FROM "users" WHERE "id" = v_owner_id FOR NO KEY UPDATE; END IF;
	SELECT least(p_amount, "amount_nano") INTO v_amount FROM "credit_leases"
	WHERE "id" = p_lease_id AND (NOT p_if_expired OR "expires_at" < now()) FOR UPDATE;
	IF NOT FOUND THEN RETURN 0; END IF;
	IF p_amount IS NULL THEN
		DELETE FROM "credit_leases" WHERE "id" = p_lease_id;
	ELSE
		UPDATE "credit_leases" SET "amount_nano" = "amount_nano" - v_amount WHERE "id" = p_lease_id;
	END IF;
	IF v_purse = 'balance' THEN
		UPDATE "users" SET "balance_nano" = "balance_nano" + v_amount WHERE "id" = v_owner_id;
	END IF;
	RETURN v_amount;
END
$$;
