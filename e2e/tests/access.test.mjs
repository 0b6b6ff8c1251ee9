// Who gets in, and stays: sessions that outlive their tokens, a link that works once, screens on walls.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { OUT, Server, fromMenu, isLive, noViolations, openPage, pill, shows, signInOnPage, startBrowser, total, until } from './support.mjs';

const LOOKS = ['dark', 'light'].flatMap((colorScheme) => [1440, 768, 320].map((width) => ({ colorScheme, width })));
const looking = ({ colorScheme, width }) => ({ colorScheme, reducedMotion: 'reduce', viewport: { width, height: width === 320 ? 640 : 900 } });

// What a page says to the server, and how often it had to connect.
function watch(page) {
  page.sockets = 0;
  page.handedOver = [];
  page.accepted = 0;
  page.refreshed = 0;
  page.on('websocket', (socket) => {
    page.sockets++;
    socket.on('framesent', ({ payload }) => page.handedOver.push(JSON.parse(payload).token));
    socket.on('framereceived', ({ payload }) => { if (JSON.parse(payload).event === 'AUTH') page.accepted++; });
  });
  page.on('response', (response) => { if (response.url().endsWith('/auth/refresh')) page.refreshed++; });
}

// A second page with the same storage and cookies.
async function anotherTab(page) {
  const tab = await page.context().newPage();
  tab.setDefaultTimeout(20_000);
  return tab;
}

async function fits(page, what) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wider <= 0, `${what}: ${wider} px too wide`);
}

describe('a session', () => {
  let browser, server, page;
  before(async () => {
    browser = await startBrowser();
    server = await Server.start({ flags: ['--access-token-secs', '6'] });
    await server.furnish();
    page = await openPage(browser);
    watch(page);
    await signInOnPage(page, server.url);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('is renewed on the open socket', async () => {
    await until('two new tokens were accepted', () => page.accepted >= 2);
    assert.equal(page.sockets, 1, 'the socket is still the first one');
    await server.signIn();
    await server.order();
    await shows(total(page, 'active-orders'), '1');
  });

  it('is renewed by one of two tabs, and the other takes the new token over', async () => {
    const tab = await anotherTab(page);
    watch(tab);
    await tab.goto(server.url);
    await isLive(tab);
    const refreshes = () => page.refreshed + tab.refreshed;
    const [before, handed] = [refreshes(), page.handedOver.length];
    await until('both handed over three tokens', () => tab.handedOver.length >= 3 && page.handedOver.length >= handed + 3);
    const since = new Set([...page.handedOver.slice(handed), ...tab.handedOver]);
    assert.ok(refreshes() - before <= since.size + 1, `${refreshes() - before} refreshes for ${since.size} tokens`);
    assert.deepEqual([page.sockets, tab.sockets], [1, 1]);
    await tab.close();
  });

  it('is taken up again when the browser has only its cookie left', async () => {
    await page.evaluate(() => localStorage.removeItem('pulso.token'));
    await page.reload();
    await isLive(page);
  });

  it('that the server refuses is renewed once, without a question', async () => {
    await page.evaluate(() => localStorage.setItem('pulso.token', localStorage.getItem('pulso.token').replace(/\.[^.]+$/, '.AAAA')));
    await page.reload();
    await isLive(page);
    assert.equal(await page.getByRole('dialog').count(), 0);
  });

  it('ends in all tabs at once, and leaves nothing behind', async () => {
    const tab = await anotherTab(page);
    await tab.goto(server.url);
    await isLive(tab);
    await fromMenu(tab, 'Cerrar sesión');
    for (const one of [tab, page]) await one.getByLabel('Email').waitFor();
    await until('nothing is stored', async () => await page.evaluate(() => localStorage.getItem('pulso.token')) === null);
    await until('the cookie is gone', async () => (await page.context().cookies(`${server.url}/auth/refresh`)).length === 0);
    await page.reload();
    await page.getByLabel('Email').waitFor();
    await tab.close();
  });

  it('that ended while the server was away does not come back by itself', async () => {
    await signInOnPage(page, server.url);
    await page.route('**/auth/logout', (route) => route.abort());
    await fromMenu(page, 'Cerrar sesión');
    await page.getByLabel('Email').waitFor();
    await until('the debt is kept', async () => await page.evaluate(() => localStorage.getItem('pulso.token')) === '');
    await page.unroute('**/auth/logout');
    await page.reload();
    await page.getByLabel('Email').waitFor();
    await until('the server was told', async () => await page.evaluate(() => localStorage.getItem('pulso.token')) === null);
  });
});

describe('a link', () => {
  let browser, server;
  before(async () => {
    browser = await startBrowser();
    server = await Server.start({ embedded: false, flags: ['--demo'] });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('signs in once, and is nowhere to be read afterwards', async () => {
    await until('the link is printed', () => /\?sign-in=\S+/.test(server.said));
    const link = server.url + server.said.match(/\/\?sign-in=[^\s)]+/)[0];
    const page = await openPage(browser);
    const asked = [];
    page.on('request', (request) => asked.push({ url: request.url(), from: request.headers().referer ?? '' }));
    await page.goto(link);
    await isLive(page);
    assert.equal(page.url(), `${server.url}/`);
    assert.ok(asked.slice(1).every(({ url }) => !url.includes('sign-in=')), 'no other request has it');
    await page.goto('about:blank');
    await page.goBack();
    await isLive(page);
    assert.equal(page.url(), `${server.url}/`);

    const other = await openPage(browser);
    await other.goto(link);
    await other.getByText('Ese enlace ya se usó o venció.').waitFor();
    await other.getByLabel('Email').waitFor();
    await noViolations(other, 'a used link');
    await other.screenshot({ path: `${OUT}7-used-link.png` });
    await page.context().close();
    await other.context().close();
  });
});

describe('a screen on a wall', () => {
  let browser, server, admin, wall;
  before(async () => {
    browser = await startBrowser();
    server = await Server.start();
    await server.furnish();
    admin = await openPage(browser);
    await signInOnPage(admin, server.url);
    wall = await openPage(browser, { viewport: { width: 1920, height: 1080 } });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const dialog = () => admin.getByRole('dialog');
  const code = async (page) => (await page.locator('.code').innerText()).replaceAll(/\s+/g, ' ').trim();

  it('shows six digits, and is let in by an admin who enters them', async () => {
    await wall.goto(`${server.url}/screen`);
    await wall.getByText(/El código cambia en [45]:\d\d/).waitFor();
    const shown = await code(wall);
    assert.match(shown, /^\d{3} \d{3}$/);
    await wall.screenshot({ path: `${OUT}8-pairing.png` });

    await fromMenu(admin, 'Pantallas');
    await dialog().getByText('Aún no hay pantallas').waitFor();
    await dialog().getByRole('button', { name: 'Agregar pantalla' }).click();
    await admin.keyboard.press('Enter');
    await dialog().getByText('Son seis dígitos.').waitFor();
    await dialog().getByText('Hace falta.').waitFor();
    await dialog().getByLabel('Código').fill(shown === '000 000' ? '000 001' : '000 000');
    await dialog().getByLabel('Nombre').fill('Recepción');
    await admin.keyboard.press('Enter');
    await dialog().getByText('Nadie muestra ese código ahora.').waitFor();
    await dialog().getByLabel('Código').fill(shown);
    await admin.keyboard.press('Enter');
    await dialog().getByText('Recepción', { exact: true }).waitFor();
    await isLive(wall);
    await dialog().getByText('Conectada').waitFor();
    await admin.getByText('Pantalla vinculada: Recepción').waitFor();
    await admin.screenshot({ path: `${OUT}9-screens.png` });
  });

  it('only looks: what happens is seen, and nothing can be done', async () => {
    await server.order('Pantalla rota');
    await shows(total(wall, 'active-orders'), '1');
    assert.equal(await wall.locator('summary').count(), 0, 'no account');
    assert.equal(await wall.getByRole('button', { name: 'Nueva orden' }).count(), 0);
    await wall.screenshot({ path: `${OUT}10-wall.png` });
  });

  it('needs no new pairing after a power cut', async () => {
    const kept = await wall.context().storageState();
    await wall.context().close();
    wall = await openPage(browser, { viewport: { width: 1920, height: 1080 }, storageState: kept });
    await wall.goto(`${server.url}/screen`);
    await isLive(wall);
    assert.equal(await server.end(), 0);
    await pill(wall).filter({ hasText: /Reconectando|Conectando/ }).waitFor();
    await server.restart();
    await isLive(wall);
  });

  it('forgets nothing when a proxy answers in the place of the server', async () => {
    let socket;
    await wall.routeWebSocket(/\/ws/, (route) => {
      socket = route;
      route.connectToServer();
    });
    await wall.reload();
    await isLive(wall);
    await wall.route('**/screens/token', (route) => route.fulfill({ status: 404, body: 'Not here' }));
    const answered = wall.waitForResponse('**/screens/token');
    await socket.close({ code: 4401 });
    await answered;
    await wall.unroute('**/screens/token');
    await wall.waitForResponse((response) => response.url().endsWith('/screens/token') && response.status() === 200);
    await isLive(wall);
  });

  it('that is revoked says so at once, keeps nothing, and may ask again', async () => {
    await isLive(admin);
    const ask = dialog().getByRole('button', { name: 'Revocar Recepción' });
    await ask.click();
    await dialog().getByText('¿Revocar «Recepción»?').waitFor();
    await admin.keyboard.press('Enter');
    assert.ok(await ask.evaluate((button) => button === document.activeElement), 'Cancel is what Enter does, and the focus goes back');
    await ask.click();
    await dialog().getByRole('button', { name: 'Revocar', exact: true }).click();
    await wall.getByText('Esta pantalla ya no está autorizada').waitFor();
    assert.equal(await wall.evaluate(() => localStorage.length), 0);
    await dialog().getByText('Aún no hay pantallas').waitFor();
    await admin.keyboard.press('Escape');
    assert.ok(await admin.locator('summary').evaluate((button) => button === document.activeElement), 'where the menu was opened');
    await wall.getByRole('button', { name: 'Pedir un código nuevo' }).click();
    assert.match(await code(wall), /\d{3} \d{3}/);
  });

  it('keeps trying while the server is away, and says so', async () => {
    await wall.route('**/screens/*', (route) => route.abort());
    await wall.getByText('No se puede hablar con el servidor.').waitFor();
    assert.match(await code(wall), /\d{3} \d{3}/);
    await wall.screenshot({ path: `${OUT}11-wall-without-server.png` });
    await wall.unroute('**/screens/*');
    await until('it is well again', async () => await wall.getByText('No se puede hablar con el servidor.').count() === 0);
  });

  it('and its administration have nothing that axe objects to, in both themes at every width', async () => {
    for (const look of LOOKS) {
      const what = `${look.colorScheme}, ${look.width}`;
      const screen = await openPage(browser, looking(look));
      await screen.goto(`${server.url}/screen`);
      await screen.getByText(/El código cambia/).waitFor();
      await noViolations(screen, `pairing, ${what}`);
      await fits(screen, `pairing, ${what}`);
      const person = await openPage(browser, looking(look));
      await signInOnPage(person, server.url);
      await person.locator('summary').click();
      await noViolations(person, `menu, ${what}`);
      await person.getByRole('button', { name: 'Pantallas' }).click();
      await person.getByText(/Aún no hay pantallas|Revocar/).first().waitFor();
      await noViolations(person, `screens, ${what}`);
      await person.getByRole('button', { name: 'Agregar pantalla' }).click();
      await person.getByLabel('Nombre').fill(`Bodega ${what}`);
      await person.getByLabel('Código').fill(await code(screen));
      await noViolations(person, `a new screen, ${what}`);
      await person.keyboard.press('Enter');
      await isLive(screen);
      await noViolations(screen, `wall, ${what}`);
      await person.getByRole('button', { name: `Revocar Bodega ${what}` }).click();
      await noViolations(person, `a question, ${what}`);
      await person.getByRole('button', { name: 'Revocar', exact: true }).click();
      await screen.getByText('Esta pantalla ya no está autorizada').waitFor();
      await noViolations(screen, `revoked, ${what}`);
      await fits(person, `screens, ${what}`);
      await Promise.all([screen.context().close(), person.context().close()]);
    }
  });
});
