import { createHash } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { sql } from 'drizzle-orm';
import { type Digest, shortDigest } from '../domain/digest.ts';
import type { Artifact, Artifacts } from '../gateway/ports.ts';
import { type Connection, type Row, statement } from './connection.ts';
import { withLife } from './lives.ts';
import { artifacts } from './tables/artifacts.ts';
import { lives } from './tables/tasks.ts';

/** 32 MB: what one statement carries without hurting others. */
const MAX_BYTES = 32 * 1024 * 1024;

const ofLife = sql`namespace = ${sql.placeholder('namespace')} and task_id = ${sql.placeholder('taskId')}
  and epoch = ${sql.placeholder('epoch')}`;

const PUT = statement(
  'artifact_put',
  sql`with life as materialized (
      update ${lives} set touched_on = current_date where ${ofLife} returning id
    ),
    put as (
      insert into ${artifacts} (life_id, id, digest, media_type, size, content)
      select id, ${sql.placeholder('id')}, ${sql.placeholder('digest')}, ${sql.placeholder('mediaType')},
        ${sql.placeholder('size')}::integer, ${sql.placeholder('content')}::bytea from life
      on conflict do nothing
    )
    select exists (select from life) as has_life`,
);

const GET = statement(
  'artifact_get',
  sql`select a.id, a.digest, a.media_type, a.size, a.content from ${artifacts} a join ${lives} l on l.id = a.life_id
    where ${ofLife} and a.id = ${sql.placeholder('id')}`,
);

const toArtifact = (row: Row): Artifact => ({
  id: String(row['id']),
  digest: row['digest'] as Digest,
  mediaType: String(row['media_type']),
  bytes: Number(row['size']),
});

/** The artifacts of a namespace. INVARIANT H1: a task reads its own only. */
export const createArtifacts = (connection: Connection, namespace: string): Artifacts => ({
  put: async (task, { bytes, mediaType }) => {
    if (bytes.byteLength > MAX_BYTES) {
      throw ApplicationFailure.create({
        type: 'Artifact.TooLarge',
        message: `${bytes.byteLength} bytes are more than the ${MAX_BYTES} that are kept`,
        nonRetryable: true,
      });
    }
    const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const artifact: Artifact = { id: `a-${shortDigest(digest, 24)}`, digest, mediaType, bytes: bytes.byteLength };
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const values = { namespace, ...task, id: artifact.id, digest, mediaType, size: artifact.bytes, content };
    await withLife({ connection, namespace }, task, async () => ({ rows: await connection.run(PUT, values) }));
    return artifact;
  },
  get: async (task, id) => {
    const [row] = await connection.run(GET, { namespace, ...task, id });
    if (row === undefined) return undefined;
    const content = row['content'] as Buffer;
    return { artifact: toArtifact(row), bytes: new Uint8Array(content.buffer, content.byteOffset, content.byteLength) };
  },
});
