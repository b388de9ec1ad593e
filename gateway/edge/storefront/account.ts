import { html, type Html } from '@shop/chassis/html.ts'
import type { Page } from '../page.ts'
import { addressFields, field } from './assets/address-view.js'
import { h } from './draw.ts'
import { page } from './layout.ts'
import type { Profile } from './shapes.ts'

/** Name and addresses for the next order. */
export const account: Page = async (call) => {
  const { body: profile, etag } = await call.api<Profile>('getProfile')
  return page(call, {
    title: 'Name and addresses', width: 'narrow', scripts: ['account.js'],
    body: html`<h1>Name and addresses</h1><p class="soft">We use these to fill in your next checkout. Your password and e-mail are kept where you sign in.</p>
<noscript><p class="panel">Saving changes needs JavaScript.</p></noscript>
<form id="account" novalidate data-etag="${etag ?? ''}">
<section class="card part">${field(h, { name: 'name', label: 'Your name', value: profile.name || call.user?.name, complete: 'name', max: 100, invalid: 'Enter your name' })}</section>
<div id="addresses">${profile.addresses.map((address, i) => addressCard(i, addressFields(h, `addresses[${i}]`, address)))}</div>
<p class="row"><button type="button" class="secondary" id="add-address" data-script disabled>Add an address</button></p>
<div class="panel bad" id="form-problem" role="alert" tabindex="-1" hidden></div>
<p class="row"><button class="primary" data-script disabled>Save</button></p>
</form>`,
  })
}

const addressCard = (i: number, fields: Html): Html => html`
<fieldset class="card part"><legend>Address ${i + 1}</legend>${fields}<button type="button" class="quiet" data-remove>Remove this address</button></fieldset>`
