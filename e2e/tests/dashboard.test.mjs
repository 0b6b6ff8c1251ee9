// The check list of a live dashboard, in a real browser against the real server.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ADMIN, OUT, Server, fromMenu, isLive, noViolations, openPage, pill, shows, signInOnPage, startBrowser, statusCount, total, until } from './support.mjs';

describe('the dashboard of an embedded shop', () => {
  let browser, server, page;
  before(async () => {
    browser = await startBrowser();
    server = await Server.start();
    await server.furnish();
    await server.order('Pantalla rota');
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('loads eight metrics and the socket at once, and is live', async () => {
    page = await openPage(browser);
    const asked = new Set();
    page.on('request', (request) => { if (request.url().includes('/stats/')) asked.add(new URL(request.url()).pathname); });
    await signInOnPage(page, server.url);
    await until('eight GETs', () => asked.size === 8);
    await until('the console says so', () => page.said.includes('WebSocket connected'));
    await shows(total(page, 'active-orders'), '1');
    await shows(total(page, 'clients'), '1');
    await shows(total(page, 'technicians'), '1/1');
    await shows(total(page, 'revenue'), '$0,00');
    await shows(statusCount(page, 'IN_REVIEW'), '1');
    await page.screenshot({ path: `${OUT}1-loaded.png` });
  });

  it('shows an order created elsewhere without a reload', async () => {
    const order = await server.order('No enciende <b>&"');
    await shows(total(page, 'active-orders'), '2');
    await shows(statusCount(page, 'IN_REVIEW'), '2');
    const row = page.locator(`[data-order="${order.id}"]`);
    await row.getByText('Nueva', { exact: true }).waitFor();
    assert.match(await row.innerText(), /ThinkPad T480[\s\S]*En Revisión[\s\S]*Eva Paz · No enciende <b>&"/);
    await page.getByText('Nueva orden de reparación recibida').first().waitFor();
    await page.getByText(`#${order.id.slice(0, 8)} · ThinkPad T480`).waitFor();
    await page.getByTestId('active-orders').locator('.chip').getByText('+1').waitFor();
    await page.screenshot({ path: `${OUT}2-order.png` });
  });

  it('shows a client and a technician', async () => {
    await server.create('/users', { name: 'Ñandú Ibáñez', email: 'n@correo.ec', password: 'secreto' });
    await shows(total(page, 'clients'), '2');
    await server.create('/users/technician', { name: 'Sofía León', email: 's@taller.ec', password: 'secreto', specialty: 'Consolas', active: false });
    await shows(total(page, 'technicians'), '1/2');
    await page.locator('section', { has: page.getByRole('heading', { name: 'Mejores Técnicos' }) }).getByText('Inactivo').waitFor();
    await page.screenshot({ path: `${OUT}3-people.png` });
  });

  it('follows an order to its delivery: status, alerts, revenue', async () => {
    const order = await server.order('Cambio de pantalla');
    const change = async (status) => assert.equal((await server.request('PATCH', `/repair-orders/${order.id}`, { status })).status, 200);
    await change('WAITING_APPROVAL');
    await page.getByText('orden esperando aprobación').waitFor();
    await change('DELIVERED');
    await page.getByText('Todo está al día').waitFor();
    await shows(statusCount(page, 'DELIVERED'), '1');
  });

  it('touches nothing but the panels whose metric changed', async () => {
    await page.evaluate(() => {
      window.touched = new Set();
      const panel = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest('.card, .strip, .toasts, [role=status], .top');
      window.observer = new MutationObserver((records) => {
        for (const { target } of records) {
          const place = panel(target);
          if (place && !place.matches('.top, .toasts, [role=status]')) window.touched.add(place.querySelector('h2, h3').textContent);
        }
      });
      window.observer.observe(document.getElementById('main'), { subtree: true, childList: true, characterData: true });
    });
    await server.create('/users/technician', { name: 'Paúl Guamán', email: 'p@taller.ec', password: 'secreto', specialty: 'Tablets' });
    await shows(total(page, 'technicians'), '2/3');
    // Relative times are leaves with timers of their own.
    const touched = (await page.evaluate(() => [...window.touched])).filter((name) => name !== 'Actividad Reciente').sort();
    assert.deepEqual(touched, ['Mejores Técnicos', 'Resumen de Usuarios', 'Técnicos']);
  });

  it('says so when the server dies, and is current again when it is back', async () => {
    await server.end('SIGKILL');
    await pill(page).filter({ hasText: /Reconectando|Conectando/ }).waitFor();
    await page.screenshot({ path: `${OUT}4-server-down.png` });
    await page.getByText(/Sin conexión con el servidor/).waitFor();
    await shows(total(page, 'technicians'), '2/3');
    await server.restart();
    const order = await server.order('Mientras nadie miraba');
    await isLive(page);
    await page.locator(`[data-order="${order.id}"]`).waitFor();
    await shows(total(page, 'active-orders'), '3');
    assert.equal(await page.getByText(/Sin conexión con el servidor/).count(), 0);
    await page.screenshot({ path: `${OUT}5-server-back.png` });
  });

  it('survives frames that it cannot read', async () => {
    const other = await openPage(browser);
    let socket;
    await other.routeWebSocket(/\/ws/, (route) => {
      const upstream = route.connectToServer();
      socket = route;
      upstream.onMessage((message) => route.send(message));
    });
    await signInOnPage(other, server.url);
    for (const text of ['', '{', 'null', '[]', '{"event":1}', '{"event":"X","timestamp":"t","data":{"orders_overview":"?","zz":1}}']) socket.send(text);
    await until('the console warns', () => other.said.filter((text) => /cannot be read|unknown metric/.test(text)).length >= 7);
    const before = Number(await total(other, 'active-orders').innerText());
    await server.order('Después de la basura');
    await shows(total(other, 'active-orders'), String(before + 1));
    assert.deepEqual(other.said.filter((text) => text.startsWith('ERROR')), []);
    await other.context().close();
  });

  it('ends politely when it is told to', async () => {
    assert.equal(await server.end('SIGTERM'), 0);
    for (const line of ['clients joined: 1, left: 0, connected: 1', 'notification received: REPAIR_ORDER_CREATED -> 7 metrics', 'metrics broadcast to 1 clients', 'going down']) {
      assert.ok(server.log.includes(line), `${line}:\n${server.log}`);
    }
    await server.restart();
  });

  it('has nothing that axe objects to, in both themes, on a wall and on a phone', async () => {
    for (const colorScheme of ['dark', 'light']) {
      for (const width of [1440, 320]) {
        const one = await openPage(browser, { colorScheme, reducedMotion: 'reduce', viewport: { width, height: 900 } });
        await one.goto(server.url);
        await one.getByLabel('Email').waitFor();
        await noViolations(one, `sign-in, ${colorScheme}, ${width}`);
        await signInOnPage(one, server.url);
        await one.locator('[data-order]').first().waitFor();
        await noViolations(one, `dashboard, ${colorScheme}, ${width}`);
        const wider = await one.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wider <= 0, `${wider} px too wide at ${width}`);
        await one.getByRole('button', { name: 'Ver como tabla' }).first().click();
        await one.getByRole('button', { name: 'Nueva orden' }).click();
        await one.getByRole('dialog').getByRole('button', { name: 'Eva Paz' }).waitFor();
        await noViolations(one, `new order, ${colorScheme}, ${width}`);
        await one.context().close();
      }
    }
  });

  it('is the account of nobody but the one who signed in', async () => {
    const someone = await openPage(browser);
    await someone.goto(server.url);
    await someone.getByLabel('Email').fill(ADMIN.email);
    await someone.getByLabel('Contraseña', { exact: true }).fill('equivocada');
    await someone.keyboard.press('Enter');
    await someone.getByText('El email o la contraseña no son correctos.').waitFor();
    await someone.getByLabel('Email').fill('eva@correo.ec');
    await someone.getByLabel('Contraseña', { exact: true }).fill('secreto');
    await someone.keyboard.press('Enter');
    await someone.getByText('Esta cuenta no puede ver el dashboard').waitFor();
    await someone.getByRole('button', { name: 'Usar otra cuenta' }).click();
    await signInOnPage(someone, server.url);
    await someone.reload();
    await isLive(someone);
    await fromMenu(someone, 'Cerrar sesión');
    await someone.getByLabel('Email').waitFor();
    assert.equal(await someone.evaluate(() => localStorage.getItem('pulso.token')), null);
    await someone.context().close();
  });

  it('asks again in place when a session ends, and keeps the page', async () => {
    const one = await openPage(browser);
    let socket;
    await one.routeWebSocket(/\/ws/, (route) => { socket = route; route.connectToServer(); });
    await signInOnPage(one, server.url);
    await one.locator('[data-order]').first().waitFor();
    const first = socket;
    await first.close({ code: 4401 });
    const dialog = one.getByRole('dialog', { name: 'Iniciar sesión' });
    await dialog.waitFor();
    assert.ok(await one.locator('[data-order]').count() > 0, 'the data is still there');
    await dialog.getByLabel('Email').fill(ADMIN.email);
    await dialog.getByLabel('Contraseña', { exact: true }).fill(ADMIN.password);
    await one.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await isLive(one);
    await one.context().close();
  });
});
