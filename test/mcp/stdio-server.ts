import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { makeScriptedServer } from './scripted-server.ts';

const [, , file = '', events = ''] = process.argv;
process.stderr.write('scripted server is up\n');
await makeScriptedServer(file, events).connect(new StdioServerTransport());
