import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { TransportName } from '../../../src/client';
import type { Behaviour, Script, Seen } from './behaviour';
import { Connection } from './connection';
import { type Draft, type History, JOB } from './history';
import { SocketWriter, StreamWriter } from './writers';

/**
 * The service in the test's process: real sockets, one job, and a script that says what goes wrong with
 * which connection.
 */
export class FakeServer {
  readonly seen: Seen[] = [];
  /** How many connections were opened. */
  opened = 0;
  script: Script = () => ({});
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #connections = new Set<Connection>();
  readonly #held = new Set<() => void>();

  constructor(readonly log: History) {
    this.#http = createServer((request, response) => this.#answer(request, response));
    this.#http.on('connection', () => {
      this.opened += 1;
    });
    this.#http.on('upgrade', (request, socket: Socket) => this.#upgrade(request, socket));
  }

  /** Start on a free port; return the address. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    for (const socket of this.#sockets.clients) socket.terminate();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Append events; everybody who follows gets them. */
  append(...drafts: Draft[]): void {
    for (const draft of drafts) this.log.append(draft);
    for (const connection of this.#connections) connection.pump();
    for (const answer of this.#held) answer();
  }

  /** Send a frame to everybody who follows. */
  say(kind: string, members: Readonly<Record<string, unknown>>): void {
    for (const connection of this.#connections) connection.control(kind, members);
  }

  /** End every finite answer as a rotation does. */
  rotate(): void {
    for (const connection of this.#connections) connection.rotate();
  }

  /** Cut every connection. */
  cut(): void {
    this.#http.closeAllConnections();
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  /** The transports of the requests so far, in their order. */
  get transports(): TransportName[] {
    return this.seen.map(({ transport }) => transport);
  }

  /** How many connections follow, of any kind but long poll. */
  get following(): number {
    return [...this.#connections].filter(({ isOver }) => !isOver).length;
  }

  /** How many WebSockets are open. */
  get sockets(): number {
    return this.#sockets.clients.size;
  }

  #note(request: IncomingMessage, transport: TransportName): [Seen, Behaviour] {
    const url = new URL(request.url ?? '', 'http://fake');
    const after = url.searchParams.get('after') ?? '';
    const wait = Number(url.searchParams.get('wait') ?? 0);
    const nth = this.seen.filter((seen) => seen.transport === transport).length;
    const { headers } = request;
    const seen: Seen = { transport, after, wait, url: url.pathname + url.search, headers, nth };
    this.seen.push(seen);
    const does = this.script(seen);
    limit(request.socket, does.cutAfter ?? Number.POSITIVE_INFINITY);
    return [seen, does];
  }

  #upgrade(request: IncomingMessage, socket: Socket): void {
    const [seen, does] = this.#note(request, 'WebSocket');
    if (does.refused || does.answer) {
      socket.destroy();
      return;
    }
    this.#sockets.handleUpgrade(request, socket, Buffer.alloc(0), (opened) => {
      if (does.silent || does.held) return;
      this.#follow(new Connection(this.log, seen, does, new SocketWriter(opened)), socket);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const stream = `/api/jobs/${JOB}/stream`;
    const streams = request.url?.startsWith(stream) ?? false;
    const accept = request.headers.accept ?? '';
    const kind = accept === 'application/octet-stream' ? 'octet stream' : 'SSE';
    const [seen, does] = this.#note(request, streams ? kind : 'long poll');
    if (does.refused) request.socket.destroy();
    else if (does.answer)
      response.writeHead(does.answer.status, does.answer.headers).end(does.answer.body);
    else if (does.silent) response.setHeader('Content-Type', accept).flushHeaders();
    else if (streams) this.#stream(request, response, accept, seen, does);
    else this.#page(response, seen, does);
  }

  #stream(
    request: IncomingMessage,
    response: ServerResponse,
    type: string,
    seen: Seen,
    does: Behaviour,
  ): void {
    const writer = new StreamWriter(response, type, does);
    this.#follow(new Connection(this.log, seen, does, writer), request.socket);
  }

  #follow(connection: Connection, socket: Socket): void {
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
    connection.start();
  }

  #page(response: ServerResponse, seen: Seen, does: Behaviour): void {
    const after = Number.parseInt(seen.after, 10);
    const answer = () => {
      this.#held.delete(answer);
      response.setHeader('Content-Type', 'application/json');
      response.end(this.#pageText(after, does));
    };
    if (this.log.head > after || this.log.over || seen.wait === 0) answer();
    else this.#held.add(answer);
    response.on('close', () => this.#held.delete(answer));
  }

  #pageText(after: number, { mangle, rotate = 1000 }: Behaviour): string {
    const due = Array.from({ length: this.log.head - after }, (_, at) => after + at + 1);
    const seqs = (mangle ? mangle(due) : due).slice(0, rotate);
    const texts = seqs.map((seq) => this.log.texts[seq - 1]).join(',');
    const last = seqs.at(-1) ?? after;
    const { head, status, over } = this.log;
    const rest = { next: this.log.cursor(last), head, status, end: over && last === head };
    const start = JSON.stringify({ job: JOB }).slice(0, -1);
    return `${start},"events":[${texts}],${JSON.stringify(rest).slice(1)}`;
  }
}

const budgets = new WeakMap<Socket, number>();

/** Let `bytes` more bytes out of a socket, then cut it: in the middle of a frame, most likely. */
function limit(socket: Socket, bytes: number): void {
  const limited = budgets.has(socket);
  budgets.set(socket, bytes);
  if (limited) return;
  const write = socket.write.bind(socket) as typeof socket.write;
  socket.write = ((data: string | Uint8Array, encoding: BufferEncoding, done?: () => void) => {
    const left = Math.max(0, budgets.get(socket) ?? 0);
    const whole = typeof data === 'string' ? Buffer.from(data, encoding) : data;
    budgets.set(socket, left - whole.length);
    if (whole.length <= left) return write(data, encoding, done);
    // What is written now leaves before the loop comes round.
    setImmediate(() => socket.destroy());
    return write(whole.subarray(0, left), encoding, done);
  }) as typeof socket.write;
}
