CREATE TABLE "usage_rollups" (
	"step" text NOT NULL,
	"bucket" timestamp (3) with time zone NOT NULL,
	"dimension" text NOT NULL,
	"id" text,
	"requests" bigint NOT NULL,
	"errors" bigint NOT NULL,
	"input_tokens" bigint NOT NULL,
	"cached_input_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"cost_nano" bigint,
	"billed_nano" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_rollups_made" (
	"step" text NOT NULL,
	"bucket" timestamp (3) with time zone NOT NULL,
	"announcement" uuid NOT NULL,
	"is_made" boolean NOT NULL,
	CONSTRAINT "usage_rollups_made_step_bucket_pk" PRIMARY KEY("step","bucket")
);
--> statement-breakpoint
CREATE INDEX "usage_rollups_index" ON "usage_rollups" USING btree ("dimension","step","bucket");