import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { makeScriptedServer } from './scripted-server.ts';

// Speaks the protocol of 2026-07-28 only.
const [, , file = '', events = ''] = process.argv;
serveStdio(() => makeScriptedServer(file, events), { legacy: 'reject' });
