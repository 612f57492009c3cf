/** The least that a SCIM server takes: an express route with one indexed statement. It checks nothing and must never be used. */
import { randomUUID } from 'node:crypto';
import express from 'express';
import pg from 'pg';
import { serveMeasured } from '../measured.ts';

const pool = new pg.Pool({ connectionString: process.argv[2] ?? '', max: 10 });
const size = Number(process.argv[3] ?? 0);
await pool.query(`CREATE TABLE users (id uuid PRIMARY KEY, user_name text UNIQUE, active boolean NOT NULL DEFAULT true, attributes jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());
  CREATE INDEX users_made ON users (created_at, id);
  CREATE TABLE members (group_id uuid, member_id uuid REFERENCES users, PRIMARY KEY (group_id, member_id));
  INSERT INTO users (id, user_name, attributes) SELECT gen_random_uuid(), 'seed' || i || '@acme.test',
    jsonb_build_object('userName', 'seed' || i || '@acme.test', 'active', true, 'displayName', 'Seed ' || i,
      'emails', jsonb_build_array(jsonb_build_object('value', 'seed' || i || '@acme.test', 'type', 'work')))
  FROM generate_series(1, ${size}) i;`);
await pool.query('VACUUM ANALYZE');

await serveMeasured(async () => {
  const app = express();
  app.use(express.json({ type: ['application/json', 'application/scim+json'], limit: '4mb' }));
  app.post('/Users', async (request, response) => {
    const id = randomUUID();
    await pool.query('INSERT INTO users (id, user_name, attributes) VALUES ($1, $2, $3)', [
      id,
      request.body.userName,
      request.body,
    ]);
    response.status(201).json({ id, ...request.body });
  });
  app.patch('/Users/:id', async (request, response) => {
    const { rows } = await pool.query('UPDATE users SET active = false WHERE id = $1 RETURNING attributes', [
      request.params.id,
    ]);
    response.json(rows[0]?.attributes);
  });
  app.get('/Users/:id', async (request, response) => {
    const { rows } = await pool.query('SELECT attributes FROM users WHERE id = $1', [request.params.id]);
    response.json(rows[0]?.attributes);
  });
  app.get('/Users', async (request, response) => {
    const name = /"(.*)"/.exec(String(request.query['filter'] ?? ''))?.[1];
    const { rows } =
      name === undefined
        ? await pool.query(
            'SELECT id, attributes, (SELECT count(*) FROM users) AS total FROM users ORDER BY created_at, id LIMIT 100',
          )
        : await pool.query('SELECT id, attributes, 1 AS total FROM users WHERE user_name = $1', [name]);
    response.json({
      totalResults: Number(rows[0]?.total ?? 0),
      Resources: rows.map((row) => ({ id: row.id, ...row.attributes })),
    });
  });
  app.post('/Groups', (_request, response) => void response.status(201).json({ id: randomUUID() }));
  app.patch('/Groups/:id', async (request, response) => {
    const ids = request.body.Operations[0].value.map((each: { value: string }) => each.value);
    await pool.query('INSERT INTO members SELECT $1, id FROM unnest($2::uuid[]) AS given(id) ON CONFLICT DO NOTHING', [
      request.params.id,
      ids,
    ]);
    response.status(204).end();
  });
  return app;
});
