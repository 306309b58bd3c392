fn main() {
    palisade::build::Module::new("../embed/checksum.wat").compile();
}
