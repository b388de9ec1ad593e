/**
 * The provider's field in its frame. Only a message from that very origin and that very window counts; from it we take a
 * token and a hint, as text.
 * @see https://html.spec.whatwg.org/multipage/web-messaging.html#authors
 */
export function createPaymentField(frame, onToken) {
  const origin = frame.dataset.origin
  addEventListener('message', ({ origin: from, source, data }) => {
    if (from !== origin || source !== frame.contentWindow) return
    if (data?.type !== 'payment-token' || typeof data.token !== 'string' || !/^[A-Za-z0-9_-]{8,128}$/.test(data.token)) return
    onToken({ token: data.token, hint: typeof data.hint === 'string' ? data.hint.slice(0, 40) : '' })
  })
  return {
    /** Shows an empty field for a kind of payment: what was typed before is gone. */
    show(kind) {
      frame.src = `${origin}/field?kind=${encodeURIComponent(kind)}`
      frame.hidden = false
    },
    hide() { frame.hidden = true },
  }
}
