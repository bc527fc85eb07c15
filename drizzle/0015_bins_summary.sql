-- How many a histogram counts, and then for each of the ascending shares what "bins_quantile" tells: all of them in one
-- reading of the bins. Where it holds nothing they are NULL.
CREATE FUNCTION bins_summary(p_bins bigint[], p_shares double precision[]) RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	c_gamma CONSTANT double precision := 1.005::double precision / 0.995;
	bin bigint;
	total bigint := 0;
	seen bigint := 0;
	share integer := 1;
	rank bigint;
	summary double precision[] := array_fill(NULL::double precision, ARRAY[cardinality(p_shares) + 1]);
BEGIN
	FOREACH bin IN ARRAY coalesce(p_bins, '{}') LOOP total := total + (bin & 1099511627775); END LOOP;
	summary[1] := total;
	IF total = 0 THEN RETURN summary; END IF;
	rank := greatest(ceil(p_shares[1] * total), 1);
	FOREACH bin IN ARRAY p_bins LOOP
		seen := seen + (bin & 1099511627775);
		WHILE seen >= rank LOOP
			summary[share + 1] := CASE WHEN bin >> 40 = -4096 THEN 0
				ELSE power(c_gamma, (bin >> 40)::double precision) * 2 / (1 + c_gamma) END;
			share := share + 1;
			IF share > cardinality(p_shares) THEN RETURN summary; END IF;
			rank := greatest(ceil(p_shares[share] * total), 1);
		END LOOP;
	END LOOP;
	RETURN summary;
END
$$;
