// In front of an existing backend: nobody has to sign in at this machine, and one broken metric spoils no other.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Server, StandIn, isLive, openPage, pill, shows, startBrowser, total } from './support.mjs';

describe('the dashboard of an existing backend', () => {
  let browser, standIn, server, page;
  before(async () => {
    browser = await startBrowser();
    standIn = await StandIn.start();
    standIn.answers['/users/stats/top-clients'] = { status: 500 };
    standIn.answers['/users/stats/top-technicians'] = { status: 403 };
    delete standIn.answers['/repair-orders/stats/top-services'];
    server = await Server.start({ embedded: false, flags: ['--rest-api-url', standIn.url] });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await standIn?.stop();
  });
  const panel = (name) => page.locator('section', { has: page.getByRole('heading', { name, exact: true }) });

  it('opens at once and shows what the backend says, with its gaps', async () => {
    page = await openPage(browser);
    await page.goto(server.url);
    await isLive(page);
    await shows(total(page, 'active-orders'), '10');
    await shows(total(page, 'revenue'), '$109,81');
    await shows(total(page, 'technicians'), '3/5');
    await page.getByText('Zoe 🔧 Ávila · Problema 8 <b>&"\'').waitFor();
    await panel('Top Clientes').getByText('No se pudo cargar').waitFor();
    await panel('Mejores Técnicos').getByText('Sin permiso').waitFor();
    await panel('Servicios Principales').getByText('No disponible').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Nueva orden' }).count(), 0);
  });

  it('heals by itself, and takes a notification of the original', async () => {
    standIn.answers['/users/stats/top-clients'] = { topClients: [{ id: '1', name: 'Ñandú', email: 'n@x.co', totalOrders: 1, totalSpent: '22.10' }] };
    await panel('Top Clientes').getByText('$22,10').waitFor();
    standIn.answers['/repair-orders/stats/overview'] = { totalOrders: 15, activeOrders: 11, rejectedOrders: 1, completedOrders: 3 };
    const body = { event: 'DASHBOARD_UPDATE', type: 'REPAIR_ORDER_CREATED', resourceId: '123e4567-e89b', timestamp: new Date().toISOString() };
    const response = await fetch(`${server.url}/notify`, { method: 'POST', body: JSON.stringify(body) });
    assert.equal(await response.text(), 'Notificación recibida: REPAIR_ORDER_CREATED');
    await shows(total(page, 'active-orders'), '11');
    await page.getByText('Nueva orden de reparación recibida').first().waitFor();
  });

  it('keeps the last good value of a metric that fails, and says so', async () => {
    standIn.answers['/repair-orders/stats/by-status'] = { status: 500 };
    await fetch(`${server.url}/notify`, { method: 'POST', body: '{"type":"REPAIR_ORDER_UPDATED"}' });
    await panel('Órdenes por Estado').getByText(/No se pudo actualizar · \d\d:\d\d · Reintentar/).waitFor();
    await panel('Órdenes por Estado').getByText('En Revisión').waitFor();
  });

  it('does not call itself live when the backend is gone, although the socket is open', async () => {
    await standIn.stop();
    await fetch(`${server.url}/notify`, { method: 'POST', body: '{"type":"USER_CREATED"}' });
    await pill(page).filter({ hasText: /Datos de/ }).waitFor();
    await shows(total(page, 'clients'), '6');
  });
});
