CREATE TABLE "holdfast"."decisions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "holdfast"."decisions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"life_id" bigint NOT NULL,
	"namespace" text NOT NULL,
	"question" text NOT NULL,
	"decision_id" text NOT NULL,
	"kind" text NOT NULL,
	"call_id" text NOT NULL,
	"tool" text NOT NULL,
	"agent" text NOT NULL,
	"rule" text NOT NULL,
	"policies" text NOT NULL,
	"codes" text NOT NULL,
	"risk" text,
	"confidence" double precision,
	"asked_at" timestamp (3) with time zone NOT NULL,
	"decided_at" timestamp (3) with time zone NOT NULL,
	"outcome" text NOT NULL,
	"by" text,
	"verified" boolean NOT NULL,
	CONSTRAINT "decisions_question" UNIQUE("life_id","question")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."desk_events" (
	"life_id" bigint NOT NULL,
	"id" text NOT NULL,
	CONSTRAINT "desk_events_life_id_id_pk" PRIMARY KEY("life_id","id")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."outbox" (
	"id" text PRIMARY KEY NOT NULL,
	"namespace" text NOT NULL,
	"task_queue" text NOT NULL,
	"endpoint" text NOT NULL,
	"body" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"lease_until" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"error" text,
	"given_up_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "holdfast"."decisions" ADD CONSTRAINT "decisions_life_id_lives_id_fk" FOREIGN KEY ("life_id") REFERENCES "holdfast"."lives"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdfast"."desk_events" ADD CONSTRAINT "desk_events_life_id_lives_id_fk" FOREIGN KEY ("life_id") REFERENCES "holdfast"."lives"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "decisions_decided" ON "holdfast"."decisions" USING btree ("namespace","decided_at","id");--> statement-breakpoint
CREATE INDEX "decisions_rule" ON "holdfast"."decisions" USING btree ("namespace","rule","decided_at","id");--> statement-breakpoint
CREATE INDEX "decisions_tool" ON "holdfast"."decisions" USING btree ("namespace","tool","decided_at","id");--> statement-breakpoint
CREATE INDEX "outbox_due" ON "holdfast"."outbox" USING btree ("namespace","task_queue","endpoint","next_at") WHERE given_up_at is null;--> statement-breakpoint
CREATE INDEX "outbox_created" ON "holdfast"."outbox" USING btree ("namespace","created_at");