// The real server on a free port, a real browser, and what tests ask of them.
import { chromium } from 'playwright-core';
import AxeBuilder from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BINARY = process.env.PULSO ?? new URL('../../target/release/pulso', import.meta.url).pathname;
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

export const ADMIN = { email: 'ana@taller.ec', password: 'secreto-de-ana' };
export const OUT = new URL('../out/', import.meta.url).pathname;
mkdirSync(OUT, { recursive: true });

export async function startBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: FLAGS });
}

export class Server {
  // The embedded shop on a database of its own, unless `flags` say otherwise.
  static async start({ flags = [], embedded = true } = {}) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), 'pulso-'));
    const shop = ['--database-url', `sqlite://${join(server.folder, 'shop.db')}`,
      '--admin-email', ADMIN.email, '--admin-password', ADMIN.password];
    server.flags = [...(embedded ? shop : []), ...flags];
    await server.run('127.0.0.1:0');
    return server;
  }

  async run(address) {
    const environment = { PATH: process.env.PATH, HOME: this.folder, RUST_LOG: 'info' };
    this.log ??= '';
    this.process = spawn(BINARY, ['--listen', address, ...this.flags], { cwd: this.folder, env: environment });
    this.process.stderr.on('data', (text) => { this.log += String(text).replaceAll(/\u001b\[[\d;]*m/g, ''); });
    this.said = '';
    this.url = await new Promise((resolve, reject) => {
      this.process.stdout.on('data', (text) => {
        this.said += text;
        const found = this.said.match(/http:\/\/[\d.]+:\d+/);
        if (found) resolve(found[0]);
      });
      this.process.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${this.log}`)));
    });
    await until('the server answers', async () => (await fetch(`${this.url}/health`)).ok);
  }

  async end(signal = 'SIGTERM') {
    if (this.process.exitCode !== null) return this.process.exitCode;
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    return (await ended)[0];
  }

  async restart() {
    await this.run(this.url.replace('http://', ''));
  }

  async stop() {
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async signIn() {
    const answer = await this.request('POST', '/auth/login', ADMIN);
    this.token = answer.body.access_token;
    return this.token;
  }

  async request(method, path, body) {
    const headers = { 'content-type': 'application/json', ...(this.token && { authorization: `Bearer ${this.token}` }) };
    const response = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  }

  async create(path, body) {
    const { status, body: created } = await this.request('POST', path, body);
    assert.equal(status, 201, `${path}: ${JSON.stringify(created)}`);
    return created;
  }

  // A small shop: someone who evaluates, a client and her laptop.
  async furnish() {
    await this.signIn();
    await this.create('/users/technician', { name: 'Luis Vera', email: 'luis@taller.ec', password: 'secreto', specialty: 'Laptops', isEvaluator: true });
    const client = await this.create('/users', { name: 'Eva Paz', email: 'eva@correo.ec', password: 'secreto' });
    this.laptop = await this.create('/equipments', { name: 'ThinkPad T480', type: 'LAPTOP', brand: 'Lenovo', model: 'T480', userId: client.id });
  }

  async order(problemDescription = 'No enciende') {
    return (await this.create('/repair-orders', { equipmentId: this.laptop.id, problemDescription })).savedOrder;
  }
}

// Asks again and again until it is so.
export async function until(what, fact, patience = 20_000) {
  const end = Date.now() + patience;
  let last;
  while (Date.now() < end) {
    try { if (await fact()) return; } catch (error) { last = error; }
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`waited in vain: ${what}${last ? ` (${last.message})` : ''}`);
}

export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'es-EC', ...options });
  const page = await context.newPage();
  page.said = [];
  page.on('console', (message) => page.said.push(message.text()));
  page.on('pageerror', (error) => page.said.push(`ERROR ${error.message}`));
  page.setDefaultTimeout(20_000);
  return page;
}

export async function signInOnPage(page, url, { email, password } = ADMIN) {
  await page.goto(url);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Contraseña', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Iniciar sesión' }).click();
  await isLive(page);
}

export async function fromMenu(page, item) {
  await page.locator('summary').click();
  await page.locator('.menu').getByRole('button', { name: item }).click();
}

export const pill = (page) => page.getByTestId('connection');
export async function isLive(page) {
  await pill(page).filter({ hasText: 'En vivo' }).waitFor();
}
export const total = (page, name) => page.getByTestId(name).locator('.num > span').first();
export async function shows(locator, text) {
  await until(`${text} is shown`, async () => (await locator.innerText()).replaceAll('\u00a0', ' ') === text);
}
export const statusCount = (page, code) => page.locator(`[data-status=${code}] b`);

export async function noViolations(page, what) {
  // The axe rules of WCAG 2.2 A and AA.
  const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
  const said = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(' ')).join('; ')}`);
  assert.deepEqual(said, [], what);
}

// An existing backend with the recorded answers, of which single ones can be replaced.
export class StandIn {
  static async start() {
    const standIn = new StandIn();
    standIn.answers = JSON.parse(readFileSync(new URL('../../shared/tests/upstream-stats.json', import.meta.url)));
    standIn.server = createServer((request, response) => {
      const body = standIn.answers[request.url];
      const status = body === undefined ? 404 : (body.status ?? 200);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}));
    });
    standIn.server.listen(0, '127.0.0.1');
    await once(standIn.server, 'listening');
    standIn.url = `http://127.0.0.1:${standIn.server.address().port}`;
    return standIn;
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
