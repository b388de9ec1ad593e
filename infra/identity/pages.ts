/** The pages a person sees here: sign in, register, sign out, and what went wrong. Plain HTML, no script but one. */
import type { FieldError } from '@shop/chassis/problem.ts'
import { html, trusted, type Html } from '@shop/chassis/html.ts'

export type Pages = ReturnType<typeof createPages>
export type LoginView = { uid: string; csrf: string; username?: string; error?: string; notice?: string; hasCertificate: boolean }
export type RegisterView = { uid: string; csrf: string; values: { username: string; name: string; email: string }; errors: FieldError[]; error?: string }

/** `brand` is the product's name; `shop` the origin to go back to. */
export function createPages({ brand, shop }: { brand: string; shop: string }) {
  const page = (title: string, body: Html, footer: Html | null = null): string => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${brand}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
</head>
<body>
<header><a class="brand" href="${shop}/"><img src="/assets/icon.svg" alt="" width="28" height="28">${brand}</a></header>
<main><section class="card">
<h1>${title}</h1>
${body}
</section></main>
${footer}
</body>
</html>
`.html

  const promise = html`<footer>Your password is entered on this page only. The shop itself never sees it.</footer>`

  const alert = (text: string | undefined) => text ? html`<p class="alert" role="alert" id="problem" tabindex="-1" autofocus>${text}</p>` : null

  const field = (errors: FieldError[], f: { name: string; label: string; type?: string; value?: string; complete: string; hint?: string; min?: number; max: number; isFocused?: boolean }) => {
    const error = errors.find((e) => e.field === f.name)
    const described = error ? `${f.name}-error` : f.hint ? `${f.name}-hint` : ''
    return html`<div class="field">
<label for="${f.name}">${f.label}</label>
${f.hint && !error ? html`<p class="hint" id="${f.name}-hint">${f.hint}</p>` : null}
<input id="${f.name}" name="${f.name}" type="${f.type ?? 'text'}" value="${f.value ?? ''}" autocomplete="${f.complete}" maxlength="${f.max}" required${f.min ? html` minlength="${f.min}"` : null}${f.type === 'text' || !f.type ? html` autocapitalize="none" spellcheck="false"` : null}${described ? html` aria-describedby="${described}"` : null}${error ? html` aria-invalid="true"` : null}${f.isFocused ? html` autofocus` : null}>
${error ? html`<p class="error" id="${f.name}-error">${error.message}</p>` : null}
</div>`
  }
  const token = (csrf: string) => html`<input type="hidden" name="_csrf" value="${csrf}">`

  return {
    login: ({ uid, csrf, username, error, notice, hasCertificate }: LoginView) => page('Sign in', html`
${alert(error)}${notice ? html`<p class="notice" role="status">${notice}</p>` : null}
<form method="post" action="/interaction/${uid}/login">
${token(csrf)}
${field([], { name: 'username', label: 'Username', value: username, complete: 'username', max: 64, isFocused: !error && !username })}
${field([], { name: 'password', label: 'Password', type: 'password', complete: 'current-password', max: 512, isFocused: !error && !!username })}
<button class="primary">Sign in</button>
</form>
<form method="post" action="/interaction/${uid}/certificate" aria-describedby="certificate-hint">
${token(csrf)}
<button class="secondary">Use my certificate</button>
<p class="hint" id="certificate-hint">For sellers and staff. ${hasCertificate ? 'Your browser has offered one.' : 'Your browser has offered none on this connection.'}</p>
</form>
<hr>
<p>New here? <a href="/interaction/${uid}/register">Create an account</a></p>
<form method="post" action="/interaction/${uid}/abort">${token(csrf)}<button class="link">Back to the shop without signing in</button></form>`, promise),

    register: ({ uid, csrf, values, errors, error }: RegisterView) => page('Create an account', html`
${alert(error ?? (errors.length ? `Please look at ${errors.length === 1 ? 'one field' : `${errors.length} fields`} below.` : undefined))}
<form method="post" action="/interaction/${uid}/register" novalidate>
${token(csrf)}
${field(errors, { name: 'username', label: 'Username', value: values.username, complete: 'username', max: 32, hint: '3 to 32 letters, digits, dots, hyphens or underscores', isFocused: errors.length === 0 })}
${field(errors, { name: 'name', label: 'Your name', type: 'text', value: values.name, complete: 'name', max: 100 })}
${field(errors, { name: 'email', label: 'E-mail', type: 'email', value: values.email, complete: 'email', max: 254 })}
${field(errors, { name: 'password', label: 'Password', type: 'password', complete: 'new-password', min: 12, max: 128, hint: 'At least 12 characters; a sentence works well' })}
<button class="primary">Create account</button>
</form>
<hr>
<p>Have an account? <a href="/interaction/${uid}">Sign in</a></p>`, promise),

    /** `form` is the library's own hidden form, 'op.logoutForm'. */
    logout: (form: string, isAsked: boolean) => page('Sign out', html`
<p>Do you want to sign out of ${brand}?</p>
${trusted(form)}
${isAsked ? html`<input type="hidden" name="logout" value="yes" form="op.logoutForm">` : null}
<div class="row">
<button class="primary" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<a class="secondary" href="${shop}/">Stay signed in</a>
</div>
${isAsked ? html`<script src="/assets/sign-out.js" defer></script>` : null}`),

    message: (title: string, text: string, detail?: string) => page(title, html`<p>${text}</p>${detail ? html`<p class="hint">${detail}</p>` : null}
<p><a class="secondary" href="${shop}/">Back to the shop</a></p>`),
  }
}
