// Making something happen from the dashboard itself.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { OUT, Server, openPage, shows, signInOnPage, startBrowser, total } from './support.mjs';

describe('a new order', () => {
  let browser, server, page;
  before(async () => {
    browser = await startBrowser();
    server = await Server.start();
    await server.furnish();
    page = await openPage(browser);
    await signInOnPage(page, server.url);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('is made for a known client with a known device', async () => {
    await page.getByRole('button', { name: 'Nueva orden' }).click();
    const dialog = page.getByRole('dialog', { name: 'Nueva orden' });
    await dialog.getByRole('button', { name: 'Crear orden' }).click();
    assert.equal(await dialog.getByText('Hace falta.').count(), 2);
    await dialog.getByLabel('Cliente', { exact: true }).fill('eva');
    await dialog.getByRole('button', { name: 'Eva Paz' }).click();
    assert.equal(await dialog.getByLabel('Equipo').inputValue(), server.laptop.id, 'her only device is picked');
    await dialog.getByLabel('Problema').fill('Se apaga sola');
    await dialog.getByRole('button', { name: 'Crear orden' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Orden creada').waitFor();
    await shows(total(page, 'active-orders'), '1');
    await page.getByText('Eva Paz · Se apaga sola').waitFor();
  });

  it('is made for a new client with a new device, and tells what the server refuses', async () => {
    await page.getByRole('button', { name: 'Nueva orden' }).click();
    const dialog = page.getByRole('dialog', { name: 'Nueva orden' });
    await dialog.getByLabel('Cliente', { exact: true }).fill('Rosa Quishpe');
    await dialog.getByText('Nadie se llama así').waitFor();
    await dialog.getByRole('button', { name: 'Nuevo cliente' }).click();
    assert.equal(await dialog.getByLabel('Nombre').inputValue(), 'Rosa Quishpe');
    await dialog.getByLabel('Email').fill('eva@correo.ec');
    await dialog.getByLabel('Equipo').fill('iPhone 12');
    await dialog.getByLabel('Tipo').selectOption('CELLPHONE');
    await dialog.getByLabel('Marca').fill('Apple');
    await dialog.getByLabel('Modelo').fill('A2403');
    await dialog.getByLabel('Problema').fill('Pantalla rota');
    await page.screenshot({ path: `${OUT}6-new-order.png` });
    await dialog.getByRole('button', { name: 'Crear orden' }).click();
    await dialog.getByText('A user already exists with this associated email address.').waitFor();
    await dialog.getByLabel('Email').fill('rosa@correo.ec');
    await dialog.getByRole('button', { name: 'Crear orden' }).click();
    await dialog.waitFor({ state: 'detached' });
    await shows(total(page, 'clients'), '2');
    await shows(total(page, 'active-orders'), '2');
    await page.getByText('Rosa Quishpe · Pantalla rota').waitFor();
  });

  it('is left with Escape, and the focus goes back', async () => {
    const button = page.getByRole('button', { name: 'Nueva orden' });
    await button.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.ok(await button.evaluate((element) => element === document.activeElement));
  });
});
