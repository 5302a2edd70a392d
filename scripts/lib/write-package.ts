/** The program that electron-builder starts in place of fpm: writes a deb or an rpm from fpm's command line. */
import { writeDeb } from './deb-writer.ts';
import { readFpmArguments } from './fpm-request.ts';
import { writeRpm } from './rpm-writer.ts';

const request = readFpmArguments(process.argv.slice(2));
if (request.target === 'deb') writeDeb(request);
else writeRpm(request);
