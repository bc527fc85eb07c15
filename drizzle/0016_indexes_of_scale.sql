CREATE INDEX "ops_error_logs_client_request_id_index" ON "ops_error_logs" USING btree ("client_request_id") WHERE "ops_error_logs"."client_request_id" is not null;--> statement-breakpoint
CREATE INDEX "ops_error_logs_key_id_index" ON "ops_error_logs" USING btree ("key_id","created_at","id") WHERE "ops_error_logs"."key_id" is not null;--> statement-breakpoint
CREATE INDEX "ops_error_logs_model_index" ON "ops_error_logs" USING btree ("model","created_at","id") WHERE "ops_error_logs"."model" is not null;--> statement-breakpoint
CREATE INDEX "ops_error_logs_resolved_index" ON "ops_error_logs" USING btree ("created_at","id") WHERE "ops_error_logs"."resolved_at" is not null;--> statement-breakpoint
CREATE INDEX "ops_dimension_stats_dimension_index" ON "ops_dimension_stats" USING btree ("dimension","bucket");--> statement-breakpoint
CREATE INDEX "ops_dimension_stats_daily_dimension_index" ON "ops_dimension_stats_daily" USING btree ("dimension","bucket");--> statement-breakpoint
CREATE INDEX "ops_dimension_stats_hourly_dimension_index" ON "ops_dimension_stats_hourly" USING btree ("dimension","bucket");--> statement-breakpoint
CREATE INDEX "usage_logs_error_code_index" ON "usage_logs" USING btree ("error_code","created_at","request_id") WHERE "usage_logs"."error_code" is not null;--> statement-breakpoint
CREATE INDEX "usage_logs_status_index" ON "usage_logs" USING btree ("status","created_at","request_id") WHERE "usage_logs"."status" <> 200;--> statement-breakpoint
CREATE INDEX "usage_logs_endpoint_index" ON "usage_logs" USING btree ("endpoint");--> statement-breakpoint
CREATE INDEX "usage_logs_client_request_id_index" ON "usage_logs" USING btree ("client_request_id","created_at","request_id") WHERE "usage_logs"."client_request_id" is not null;