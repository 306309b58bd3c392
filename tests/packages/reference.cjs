// The same work by the packages' own JavaScript: node reference.cjs FOLDER.
const path = require("path"), fs = require("fs"), { pathToFileURL } = require("url");
const folder = process.argv[2];
const hash = require(path.join(folder, "hash-wasm/dist/index.umd.js"));

const input = new Uint8Array(100000).map((_, i) => i * 7 + Math.floor(i / 256));
const password = "correct horse", salt = new TextEncoder().encode("battery staple 1");
const hashes = {
	adler32: [], blake2b: [512], blake2s: [256], blake3: [256], crc32: [], md4: [], md5: [], ripemd160: [], sha1: [],
	sha256: [], sha3: [512], sha512: [], sm3: [], whirlpool: [], xxhash32: [7], crc64: [], xxhash3: [], xxhash64: [],
	xxhash128: [],
};

function formatJson(text) {
	const module = new WebAssembly.Module(fs.readFileSync(path.join(folder, "json/plugin.wasm")));
	const wasm = new WebAssembly.Instance(module).exports;
	const give = (text) => {
		const bytes = new TextEncoder().encode(text);
		wasm.clear_shared_bytes(bytes.length);
		new Uint8Array(wasm.memory.buffer, wasm.get_shared_bytes_ptr(), bytes.length).set(bytes);
	};
	give(JSON.stringify({ global: { lineWidth: 40 }, plugin: {} }));
	wasm.register_config(1);
	give("file.json");
	wasm.set_file_path();
	give(text);
	const changed = wasm.format(1);
	const size = changed === 1 ? wasm.get_formatted_text() : changed === 2 ? wasm.get_error_text() : 0;
	const bytes = new Uint8Array(wasm.memory.buffer, wasm.get_shared_bytes_ptr(), size);
	console.log(`json ${changed}\n${new TextDecoder().decode(bytes)}`);
}

async function main() {
	for (const [name, options] of Object.entries(hashes)) console.log(name, await hash[name](input, ...options));
	const given = { password, salt, outputType: "hex" };
	console.log("scrypt", await hash.scrypt({ ...given, costFactor: 256, blockSize: 4, parallelism: 2, hashLength: 32 }));
	console.log("bcrypt", await hash.bcrypt({ ...given, costFactor: 5 }));
	const cost = { parallelism: 1, iterations: 2, memorySize: 64, hashLength: 64 };
	console.log("argon2", await hash.argon2id({ ...given, ...cost }));
	formatJson('{"b":[1,2,\n3], "long": [100000000,200000000,300000000,400000000],// note\n"c":{}}');
	formatJson('{"broken": ');
	const gofmt = await import(pathToFileURL(path.join(folder, "gofmt/gofmt_node.js")));
	const program = 'package main\nimport "fmt"\nfunc  main( ) {\nfor i:=0;i<3;i++ { fmt.Println( i,"x" ) }}\n';
	console.log(`go 1\n${gofmt.format(program)}`);
	try {
		gofmt.format("package main\nfunc {");
	} catch (error) {
		console.log(`go 2\n${error.message}`);
	}
}
main();
