/**
 * A statement that a connection prepares once, as pg does it but for one thing: what its rows look like is asked at the
 * first execution and not at each. Telling and reading it costs PostgreSQL and us up to a tenth of a short query.
 *
 * It cannot change meanwhile: PostgreSQL refuses a prepared statement whose columns did ("cached plan must not change
 * result type"), and the pool then ends the connection.
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
import pg from 'pg'
// @ts-expect-error: pg's types leave out how it writes a value as PostgreSQL reads it
import { prepareValue } from 'pg/lib/utils.js'

type Callback = (error: Error | null, result?: { rows: any[]; rowCount: number | null }) => void
/** What pg hands to queries that are not its own, pg-cursor's for one. */
type Connection = pg.Connection & { parsedStatements: Record<string, string> }
type Columns = { addFields(fields: pg.FieldDef[]): void; parseRow(values: (string | null)[]): any }
const { Result } = pg as unknown as { Result: new () => Columns }

/** Of each connection, by a statement's name. */
const described = new WeakMap<Connection, Map<string, Columns>>()
function describedBy(connection: Connection): Map<string, Columns> {
  let columns = described.get(connection)
  if (!columns) described.set(connection, (columns = new Map()))
  return columns
}

/** Hand it to `pool.query` with a callback. One use each. */
export class Statement {
  /** Set by pg. */
  callback: Callback | undefined
  readonly name: string
  readonly text: string
  readonly #values: unknown[]
  readonly #rows: any[] = []
  #rowCount: number | null = null
  #columns: Columns | undefined

  constructor(name: string, text: string, values: unknown[]) {
    this.name = name
    this.text = text
    this.#values = values.map((value) => prepareValue(value))
  }

  /** All messages in one write. */
  submit(connection: any): void {
    this.#columns = describedBy(connection).get(this.name)
    connection.stream.cork()
    if (connection.parsedStatements[this.name] === undefined) connection.parse(this)
    connection.bind({ statement: this.name, values: this.#values })
    if (!this.#columns) connection.describe({ type: 'P' })
    connection.execute()
    connection.sync()
    connection.stream.uncork()
  }

  handleRowDescription({ fields }: { fields: pg.FieldDef[] }): void {
    this.#columns = new Result()
    this.#columns.addFields(fields)
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.#rows.push(this.#columns!.parseRow(fields))
  }

  /** A tag ends with how many rows it was, when it was about rows: 'INSERT 0 1'. */
  handleCommandComplete({ text }: { text: string }, connection: Connection): void {
    const count = Number(text.slice(text.lastIndexOf(' ') + 1))
    if (!Number.isNaN(count)) this.#rowCount = count
    describedBy(connection).set(this.name, this.#columns ?? new Result())
  }

  handleReadyForQuery(): void {
    this.callback!(null, { rows: this.#rows, rowCount: this.#rowCount })
  }

  handleError(error: Error): void {
    this.callback!(error)
  }
}
