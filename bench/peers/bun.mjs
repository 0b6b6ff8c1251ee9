// Bun: its own publish, which writes natively to every subscriber.
import { message, port } from './job.mjs';

const server = Bun.serve({
  hostname: '127.0.0.1',
  port,
  async fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === '/ws') return server.upgrade(request) ? undefined : new Response('no upgrade', { status: 400 });
    await request.json();
    message().then((text) => server.publish('all', text));
    return new Response('ok');
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe('all');
    },
    message() {},
  },
});
console.log(`listening on ${server.port}`);
