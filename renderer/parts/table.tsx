/** Data table. In a narrow window it scrolls sideways inside its own box, by mouse or keyboard. */
import type { ReactNode } from 'react';

export interface Column<R> {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: R) => ReactNode;
  /** Aligned to the end; never wraps. */
  readonly isNumber?: boolean;
  /** Never wraps. */
  readonly isUnbroken?: boolean;
}

export function Table<R>(props: {
  label: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  rowKey: (row: R) => string;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area must be reachable by keyboard
    <div className="table-scroll" tabIndex={0}>
      <table>
        <caption className="for-readers">{props.label}</caption>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.key} scope="col" className={column.isNumber ? 'is-number' : undefined}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.rowKey(row)}>
              {props.columns.map((column) => (
                <td
                  key={column.key}
                  className={column.isNumber ? 'is-number' : column.isUnbroken ? 'is-unbroken' : undefined}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
