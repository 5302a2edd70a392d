/** Writes an RPM package with `rpmbuild`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyContents, type FpmRequest } from './fpm-request.ts';

/** Names of rpm's compressors with their levels; level 0 of gzip doesn't compress. */
const PAYLOADS = { gz: 'w6.gzdio', xz: 'w6T0.xzdio', none: 'w0.gzdio' } as const;

/** The spec file. Reads the request's scripts. */
export function specFile(request: FpmRequest): string {
  const script = (path: string) => literal(readFileSync(path, 'utf8').trim());
  return `Name: ${request.name}
Version: ${request.version}
Release: 1
Summary: ${literal(request.synopsis)}
License: ${request.license}
URL: ${request.homepage}
Packager: ${request.maintainer}
${request.depends.map((need) => `Requires: ${need}\n`).join('')}
# The package contains its own libraries, which others must not use and the system need not have.
AutoReqProv: no
%define _binary_payload ${PAYLOADS[request.compression]}
%define _build_id_links none
%define __os_install_post %{nil}

%description
${literal(request.description || request.synopsis)}

%post -p /bin/bash
${script(request.afterInstall)}

%postun -p /bin/bash
# An upgrade runs this script of the old package after the new one is installed.
if [ "$1" -ne 0 ]; then exit 0; fi
${script(request.afterRemove)}

%files
%defattr(-,root,root,-)
${request.contents.map(({ to }) => `"${literal(to.replace(/\/$/, ''))}"\n`).join('')}`;
}

/** Fails as `rpmbuild` fails. */
export function writeRpm(request: FpmRequest): void {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-rpm-'));
  try {
    const root = join(folder, 'root');
    mkdirSync(root);
    copyContents(request, root);
    const spec = join(folder, 'package.spec');
    writeFileSync(spec, specFile(request));
    const defines = { _topdir: join(folder, 'build'), _rpmdir: folder, _rpmfilename: 'out.rpm' };
    execFileSync(
      'rpmbuild',
      [
        ...['-bb', '--quiet', '--buildroot', root, '--target', request.architecture],
        ...Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]),
        spec,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    renameSync(join(folder, 'out.rpm'), request.out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** rpm expands a percent sign anywhere in a spec file. */
function literal(text: string): string {
  return text.replaceAll('%', '%%');
}
