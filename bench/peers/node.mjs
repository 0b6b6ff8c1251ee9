// Node with ws: a loop over all clients, with the message prepared once.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { message, port } from './job.mjs';

const server = createServer((request, response) => {
  request.resume().on('end', async () => {
    response.end('ok');
    const buffer = Buffer.from(await message());
    for (const client of sockets.clients) client.send(buffer, { binary: false });
  });
});
const sockets = new WebSocketServer({ server, path: '/ws', perMessageDeflate: false });
server.listen({ port, host: '127.0.0.1', backlog: 4096 });
