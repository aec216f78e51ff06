//! `crc16`: polynomial 0x1021, start value 0, most significant bit first. The register has 32 bits and is never cut to 16,
//! so the result keeps what was shifted out at the top.

const POLYNOMIAL: u16 = 0x1021;

const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut register = (i as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            register = if register & 0x8000 != 0 { (register << 1) ^ POLYNOMIAL } else { register << 1 };
            bit += 1;
        }
        table[i] = register;
        i += 1;
    }
    table
};

pub(super) fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0_u32, |register, &byte| {
        let index = ((register >> 8) as u8) ^ byte;
        (register << 8) ^ u32::from(TABLE[usize::from(index)])
    })
}
