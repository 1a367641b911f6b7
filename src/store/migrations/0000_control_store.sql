CREATE TABLE "holdfast"."artifacts" (
	"life_id" bigint NOT NULL,
	"id" text NOT NULL,
	"digest" text NOT NULL,
	"media_type" text NOT NULL,
	"size" integer NOT NULL,
	"content" "bytea" NOT NULL,
	CONSTRAINT "artifacts_life_id_id_pk" PRIMARY KEY("life_id","id")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."audit_entries" (
	"life_id" bigint NOT NULL,
	"seq" integer NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"entry" text NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "audit_entries_life_id_seq_pk" PRIMARY KEY("life_id","seq")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."effects" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "holdfast"."effects_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"life_id" bigint NOT NULL,
	"namespace" text NOT NULL,
	"key" text NOT NULL,
	"kind" text NOT NULL,
	"undoes" text,
	"call_id" text NOT NULL,
	"tool" text NOT NULL,
	"agent" text NOT NULL,
	"principal" text NOT NULL,
	"args_digest" text NOT NULL,
	"semantic_key" text,
	"semantic_digest" text,
	"state" text NOT NULL,
	"attempts" integer NOT NULL,
	"token" uuid NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	"snapshot" text,
	"output" text,
	"error" text,
	"undo" text,
	"started_at" timestamp with time zone NOT NULL,
	"settled_at" timestamp with time zone,
	CONSTRAINT "effects_key" UNIQUE("namespace","key")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."reliances" (
	"effect_id" bigint NOT NULL,
	"task_id" text NOT NULL,
	"epoch" text NOT NULL,
	"call_id" text NOT NULL,
	CONSTRAINT "reliances_effect_id_task_id_epoch_call_id_pk" PRIMARY KEY("effect_id","task_id","epoch","call_id")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."used_approvals" (
	"namespace" text NOT NULL,
	"approval" text NOT NULL,
	"life_id" bigint NOT NULL,
	"key" text NOT NULL,
	"used_at" timestamp with time zone NOT NULL,
	CONSTRAINT "used_approvals_namespace_approval_pk" PRIMARY KEY("namespace","approval")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."tool_breakers" (
	"scope" text NOT NULL,
	"tool" text NOT NULL,
	"subject" text NOT NULL,
	"state" jsonb NOT NULL,
	"expires_on" date NOT NULL,
	CONSTRAINT "tool_breakers_scope_tool_subject_pk" PRIMARY KEY("scope","tool","subject")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."tool_bulkheads" (
	"scope" text NOT NULL,
	"tool" text NOT NULL,
	"leases" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"expires_on" date NOT NULL,
	CONSTRAINT "tool_bulkheads_scope_tool_pk" PRIMARY KEY("scope","tool")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."tool_rate_windows" (
	"scope" text NOT NULL,
	"tool" text NOT NULL,
	"subject" text NOT NULL,
	"hits" bigint[] DEFAULT '{}'::bigint[] NOT NULL,
	"expires_on" date NOT NULL,
	CONSTRAINT "tool_rate_windows_scope_tool_subject_pk" PRIMARY KEY("scope","tool","subject")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."tool_retry_budgets" (
	"scope" text NOT NULL,
	"tool" text NOT NULL,
	"tokens" double precision NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"expires_on" date NOT NULL,
	CONSTRAINT "tool_retry_budgets_scope_tool_pk" PRIMARY KEY("scope","tool")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."surface_pins" (
	"namespace" text NOT NULL,
	"task_queue" text NOT NULL,
	"server" text NOT NULL,
	"surfaces" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "surface_pins_namespace_task_queue_server_pk" PRIMARY KEY("namespace","task_queue","server")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."policy_epochs" (
	"namespace" text NOT NULL,
	"task_queue" text NOT NULL,
	"epoch" integer NOT NULL,
	"digest" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "policy_epochs_namespace_task_queue_epoch_pk" PRIMARY KEY("namespace","task_queue","epoch"),
	CONSTRAINT "policy_epochs_digest" UNIQUE("namespace","task_queue","digest")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."lives" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "holdfast"."lives_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"namespace" text NOT NULL,
	"task_id" text NOT NULL,
	"epoch" text NOT NULL,
	"first_run_id" text,
	"seq" integer DEFAULT 0 NOT NULL,
	"hash" text DEFAULT '' NOT NULL,
	"at" timestamp (3) with time zone,
	"touched_on" date DEFAULT current_date NOT NULL,
	CONSTRAINT "lives_epoch" UNIQUE("namespace","task_id","epoch"),
	CONSTRAINT "lives_first_run" UNIQUE("namespace","task_id","first_run_id")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."tasks" (
	"namespace" text NOT NULL,
	"task_id" text NOT NULL,
	"agent" text NOT NULL,
	"principal" text NOT NULL,
	"tenant" text,
	"spec_digest" text NOT NULL,
	"epochs" integer NOT NULL,
	"touched_on" date DEFAULT current_date NOT NULL,
	CONSTRAINT "tasks_namespace_task_id_pk" PRIMARY KEY("namespace","task_id")
);
--> statement-breakpoint
ALTER TABLE "holdfast"."artifacts" ADD CONSTRAINT "artifacts_life_id_lives_id_fk" FOREIGN KEY ("life_id") REFERENCES "holdfast"."lives"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdfast"."audit_entries" ADD CONSTRAINT "audit_entries_life_id_lives_id_fk" FOREIGN KEY ("life_id") REFERENCES "holdfast"."lives"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdfast"."effects" ADD CONSTRAINT "effects_life_id_lives_id_fk" FOREIGN KEY ("life_id") REFERENCES "holdfast"."lives"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdfast"."reliances" ADD CONSTRAINT "reliances_effect_id_effects_id_fk" FOREIGN KEY ("effect_id") REFERENCES "holdfast"."effects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdfast"."used_approvals" ADD CONSTRAINT "used_approvals_life_id_lives_id_fk" FOREIGN KEY ("life_id") REFERENCES "holdfast"."lives"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "effects_semantic" ON "holdfast"."effects" USING btree ("namespace","semantic_digest") WHERE semantic_digest is not null and state <> 'failed' and undo is distinct from 'done';--> statement-breakpoint
CREATE INDEX "effects_life" ON "holdfast"."effects" USING btree ("life_id","id");--> statement-breakpoint
CREATE INDEX "used_approvals_life" ON "holdfast"."used_approvals" USING btree ("life_id");--> statement-breakpoint
CREATE INDEX "tool_breakers_expires_on" ON "holdfast"."tool_breakers" USING btree ("expires_on");--> statement-breakpoint
CREATE INDEX "tool_bulkheads_expires_on" ON "holdfast"."tool_bulkheads" USING btree ("expires_on");--> statement-breakpoint
CREATE INDEX "tool_rate_windows_expires_on" ON "holdfast"."tool_rate_windows" USING btree ("expires_on");--> statement-breakpoint
CREATE INDEX "tool_retry_budgets_expires_on" ON "holdfast"."tool_retry_budgets" USING btree ("expires_on");--> statement-breakpoint
CREATE INDEX "lives_touched_on" ON "holdfast"."lives" USING btree ("namespace","touched_on");--> statement-breakpoint
CREATE INDEX "tasks_touched_on" ON "holdfast"."tasks" USING btree ("namespace","touched_on");