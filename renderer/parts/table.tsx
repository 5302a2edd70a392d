/**
 * Data table. On a phone its rows become two lines if its columns say where they go; otherwise it scrolls sideways
 * inside its own box, by mouse or keyboard.
 */
import type { ReactNode } from 'react';

export interface Column<R> {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: R) => ReactNode;
  /** Aligned to the end; never wraps. */
  readonly isNumber?: boolean;
  /** Never wraps. */
  readonly isUnbroken?: boolean;
  /** Place on a phone: 1 and 2 are start and end of the first line, 3 and 4 of the second. Others are left out. */
  readonly fold?: 1 | 2 | 3 | 4;
  /** Left out in a narrow window. Never money. */
  readonly isOptional?: boolean;
}

export function Table<R>(props: {
  label: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  rowKey: (row: R) => string;
}) {
  const isFolding = props.columns.some(({ fold }) => fold !== undefined);
  const classOf = ({ isNumber, isUnbroken, isOptional }: Column<R>) =>
    [isNumber ? 'is-number' : isUnbroken ? 'is-unbroken' : '', isOptional ? 'opt' : '']
      .filter(Boolean)
      .join(' ') || undefined;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area must be reachable by keyboard
    <div className="table-scroll" tabIndex={0}>
      <table className={isFolding ? 'table is-folding' : 'table'}>
        <caption className="for-readers">{props.label}</caption>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.key} scope="col" className={classOf(column)}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.rowKey(row)}>
              {props.columns.map((column) => (
                <td key={column.key} className={classOf(column)} data-fold={column.fold}>
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
