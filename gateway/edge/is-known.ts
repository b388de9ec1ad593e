/** Whether the client has this version already: If-None-Match, compared weakly. @see https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2 */
export const isKnown = (ifNoneMatch: string | undefined, etag: string): boolean => (ifNoneMatch ?? '').split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')))
